"""The dialog `:` over the table of several hosts: the things of all of them that a text may mean."""

import contextlib
import operator
from collections.abc import Iterator
from time import monotonic

from msgspec.structs import replace

from nsview.model import host_leads
from nsview.model.container_table import with_stopped
from nsview.model.filter import FIELDS, Fields, FilterError, Texts, parse
from nsview.model.host_leads import LeadsOf
from nsview.model.hosts_table import Of
from nsview.model.leads import Lead
from nsview.state import Memory

from ..fleet import Fleet, HostLink
from .find_dialog import FindBase

SLICE = 0.02
"""Seconds of searching, after which a key is answered before the next hosts are searched."""

_Asked = tuple[tuple[str, int | None], tuple[object, ...]]


class FindAmong(FindBase):
    """Finds by a number, a name or a filter on all hosts that have answered; returns a LeadAt."""

    def __init__(self, fleet: Fleet, memory: Memory) -> None:
        examples = "web", "8080", "vethab12", "image=nginx", "host=web1"
        super().__init__("Find on all hosts", self._of, memory, *examples)
        self._fleet = fleet
        self._led: dict[tuple[str, str], list[LeadsOf]] = {}  # {host: the leads of each text that led somewhere}
        self._texts: dict[tuple[str, str], Texts] = {}
        self._known: dict[tuple[str, str], tuple[_Asked, LeadsOf]] = {}  # {host: (what they are of, leads)}

    def on_mount(self) -> None:
        for link in self._links():
            if link.session is not None:
                link.session.want_engines()

    def _links(self) -> list[HostLink]:
        return [link for link in self._fleet.links if link.state == "live" and link.session and link.session.snapshot]

    def _of(self, text: str) -> list[Lead]:
        """The leads of a text on all hosts, some hosts at a time. Raises FilterError."""
        if not parse(text, fields=_fields(*[link.entry.name for link in self._fleet.links])):
            return self.before(self._gone_to())
        began, links, found = monotonic(), self._links(), []
        for link in links:
            if monotonic() - began > SLICE and not self._knows(link, text):
                self.set_timer(0.01, self.seek)
                break
            found.append((Of(link.entry.name, link.entry.options), self._of_host(link, text, len(links))))
        return host_leads.together(found, (link.entry.name for link in links))

    def _gone_to(self) -> Iterator[tuple[str, Lead]]:
        """The texts that led somewhere, and where each leads on each host, the latest first; some hosts at a time."""
        began, texts, known = monotonic(), self._memory.state.targets[::-1], []
        for link in self._links():
            if link.entry.options not in self._led:
                if monotonic() - began > SLICE:
                    self.set_timer(0.01, self.seek)
                    break
                self._led[link.entry.options] = [self._first(link, text) for text in texts]
            known.append(Of(link.entry.name, link.entry.options))
        for place, text in enumerate(texts):
            found = [(of, self._led[of.options][place]) for of in known]
            yield from ((text, lead) for lead in host_leads.together(found, (of.host for of in known)))

    def _first(self, link: HostLink, text: str) -> LeadsOf:
        """The first lead of a text on a host, without asking the host."""
        session = link.session
        with link.told(), contextlib.suppress(FilterError):  # another version's text
            if session is not None and session.snapshot is not None:
                wanted = parse(text, nets=session.reach, fields=_fields(link.entry.name))
                whole = with_stopped(session.snapshot, session.engines)
                named, matching = host_leads.of_host(whole, text, wanted, session.nets, None, 1)
                return (named[:1], ()) if named else ((), matching[:1])
        return (), ()

    def _what(self, link: HostLink, text: str) -> _Asked:
        """The question, and the records that answer it, which are others once the host has told more."""
        session = link.session
        assert session is not None
        return (text, session.leader(text.strip())), (session.snapshot, session.nets, session.engines)

    def _knows(self, link: HostLink, text: str) -> bool:
        known = self._known.get(link.entry.options)
        question, records = self._what(link, text)
        return known is not None and known[0][0] == question and all(map(operator.is_, known[0][1], records))

    def _of_host(self, link: HostLink, text: str, hosts: int) -> LeadsOf:
        """The leads of a host; one that lies has none, and harms no other."""
        session, at = link.session, link.entry.options
        if session is None or session.snapshot is None:
            return (), ()
        with link.told():
            if not self._knows(link, text):
                texts = self._texts.setdefault(at, Texts())
                wanted = parse(text, texts=texts, nets=session.reach, fields=_fields(link.entry.name))
                if wanted.about_nets:
                    session.want_nets()
                what, whole = self._what(link, text), with_stopped(session.snapshot, session.engines)
                leads = host_leads.of_host(whole, text, wanted, session.nets, session.leader(text.strip()), hosts)
                self._known[at] = what, leads
            return self._known[at][1]
        return (), ()


def _fields(*names: str) -> Fields:
    """The fields of a filter of all things, `host` being the name of the host too."""
    return {**FIELDS, "host": replace(FIELDS["host"], names=names)}
