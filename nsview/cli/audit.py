"""`nsview audit`: findings, with evidence; exit code 1 if there are any."""

from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nsview.join.failure import FAILED, NOT_PERMITTED, Failure
from nsview.lookup import say

from .answer import Answer, show
from .console import DONE, paint, parsed, sudo, width

if TYPE_CHECKING:
    from nsview.config import Config

    from .sight import Sight

FOUND = 1
"""The exit code if there are findings."""


def configured() -> "Config":
    """The user's configuration, with a line for what is wrong in it. Raises Failure."""
    from nsview import config

    try:
        own = config.Config(config.path())
    except config.ConfigError as error:
        raise Failure(FAILED, str(error)) from None
    say(filter(None, (own.note,)))
    return own


def run(options: SimpleNamespace) -> int:
    return show(options, partial(_question, configured().settings.audit.ignore))


def _question(ignore: Sequence[str], options: SimpleNamespace) -> "Callable[[Sight], Answer]":
    """The question for findings but those that are ignored. Raises Failure if it is wrong."""
    from nsview import report
    from nsview.model import audit
    from nsview.model.audit.lines import COLUMNS, FIELDS, line, lines
    from nsview.model.filter import reach_of

    from . import tables

    tables.check(options, COLUMNS)
    first = parsed(options, fields=FIELDS)

    def answer(sight: "Sight") -> Answer:
        snapshot, nets = sight.look(holders=True, nets=first.needs_nets)
        facts = sight.security()
        worth = audit.SEVERITIES[: audit.SEVERITIES.index(options.severity) + 1]
        findings = [one for one in audit.audit(snapshot, facts, ignore) if one.severity in worth]
        if first:
            wanted = parsed(options, fields=FIELDS, nets=reach_of(nets, snapshot))
            findings = [finding for finding in findings if wanted.line(line(finding, snapshot), snapshot)]
        unchecked = audit.unchecked(snapshot, facts)
        as_table = options.output or options.sort or not options.headers or options.names
        as_report = not (as_table or options.json)
        failure = None
        if not findings and unchecked and not snapshot.host.privileged:
            text = f"no findings among what may be read; as root: {sudo(options)}"
            failure = Failure(NOT_PERMITTED, text)
        return Answer(
            tables.LineTable(COLUMNS, lines(findings, snapshot), snapshot),
            audit.printed(findings, unchecked) if options.json else None,
            tuple(f"not checked: {line}" for line in unchecked),
            failure,
            report.audit(findings, snapshot, width(), whole=not unchecked, paint=paint()) if as_report else None,
            FOUND if findings else DONE,
        )

    return answer
