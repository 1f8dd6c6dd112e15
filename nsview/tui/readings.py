"""The answers of one of several hosts to the questions of a lens: its use, its findings, its net namespaces. No Textual
here."""

import asyncio
from collections.abc import Collection
from time import monotonic

from nsview.model import usage
from nsview.model.audit import audit
from nsview.model.audit.rule import Finding
from nsview.model.host_groups import HostsBy
from nsview.model.hosts_table import Heard
from nsview.model.security import Facts
from nsview.model.usage_table import PARTS

from .session import Session

PACES: dict[HostsBy, float] = {"use": 5.0, "audit": 30.0, "net map": 15.0}
"""Seconds between two readings, if there is not much to read."""
SHARE = 0.004
"""The share of a processor there that readings may take: if there is much to read, the pace is slower."""
SELDOM = 30.0
"""Seconds between two readings of the engines' records."""


class Readings:
    """The latest answers of a host."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._meter = usage.Meter()
        self._findings: list[Finding] | None = None
        self._asked: float | None = None  # when the answer was asked for that has not come yet
        self._due: dict[HostsBy, float] = {}
        self._engines_due = 0.0

    @property
    def heard(self) -> Heard:
        waits = monotonic() - self._asked if self._asked is not None else 0.0
        return Heard(self._meter, self._findings, self._session.nets, self._session.events, waits)

    def is_due(self, by: HostsBy) -> bool:
        """True if the host is to be asked for the lines of a lens now."""
        session = self._session
        asks = by in PACES and self._asked is None and session.runs and session.snapshot is not None
        return asks and monotonic() >= self._due.get(by, 0.0)

    async def read(self, by: HostsBy, ignore: Collection[str]) -> None:
        """Ask the host, and wait for the answer. ignore: the rules that the audit leaves out."""
        began = self._asked = monotonic()
        cost = 0.0
        try:
            match by:
                case "use":
                    cost = await self._read_use()
                    if self._findings is None:
                        await self._read_findings(ignore)
                case "audit":
                    await self._read_findings(ignore)
                case "net map":
                    await self._read_nets()
        except asyncio.CancelledError:
            pass  # the link has ended
        finally:
            self._asked = None
            self._due[by] = began + max(PACES[by], cost / SHARE)

    async def _read_use(self) -> float:
        engines = monotonic() >= self._engines_due
        told = await self._session.usage([], None, PARTS, engines=engines)
        if told is None or self._session.snapshot is None:
            return 0.0
        if engines:
            self._engines_due = monotonic() + SELDOM
        self._meter = usage.read(self._meter, told, self._session.snapshot)
        return told.cost

    async def _read_findings(self, ignore: Collection[str]) -> None:
        facts = Facts()
        async for told in self._session.security():
            facts = told
        if facts.complete and self._session.snapshot is not None:
            self._findings = audit(self._session.snapshot, facts, ignore)

    async def _read_nets(self) -> None:
        before = self._session.nets
        self._session.request_nets()
        while self._session.nets is before and self._session.runs:
            await asyncio.sleep(0.1)
