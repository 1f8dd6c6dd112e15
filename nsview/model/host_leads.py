"""Leads on several hosts: the things of each that a text may mean, with the name of the host before each. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from . import leads
from .filter import Filter
from .hosts_table import Of
from .leads import MOST, Lead
from .net import Nets
from .snapshot import Snapshot
from .text import fit, safe

LEAST = 3
"""Leads of each sort of one host at least, however many hosts there are."""
_NAME = 24
"""The most cells of a host's name."""

LeadsOf = tuple[Sequence[Lead], Sequence[Lead]]
"""Of one host the things that a text means, and those that match it as a filter."""


class LeadAt(Lead, frozen=True):
    """A lead on one of several hosts. of: the host."""

    of: Of = Of("", ("", ""))


def of_host(
    snapshot: Snapshot, text: str, wanted: Filter, nets: Nets | None, leader: int | None, hosts: int
) -> LeadsOf:  # fmt: skip
    """The leads of one host of so many that are asked. nets, leader: see `target.resolve`."""
    most = max(LEAST, MOST // hosts)
    named = leads.named(snapshot, text, nets, leader)[:most]
    things = {lead.thing for lead in named}
    return named, [*islice((one for one in leads.matching(snapshot, wanted) if one.thing not in things), most)]


def together(found: Sequence[tuple[Of, LeadsOf]], names: Iterable[str]) -> list[Lead]:
    """The first MOST leads of all hosts, those that the text means before those that match it as a filter. names: of
    all hosts, as wide as which the names stand."""
    width = min(_NAME, max((len(safe(name)) for name in names), default=0))

    def told(sort: int) -> Iterator[LeadAt]:
        for of, both in found:
            for lead in both[sort]:
                role = f"{fit(safe(of.host), width)}  {lead.role}"
                yield LeadAt(lead.thing, role, lead.text, lead.line, of)

    return [*islice((lead for sort in (0, 1) for lead in told(sort)), MOST)]
