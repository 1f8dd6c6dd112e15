"""`nsview audit`: findings, with evidence; exit code 1 if there are any."""

import gc
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nsview.join.failure import FAILED, NOT_PERMITTED, NOTHING, Failure
from nsview.lookup import say

from .console import DONE, host_of, paint, parsed, print_json, print_text, sudo, width

if TYPE_CHECKING:
    from nsview.config import Config


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
    from nsview import report
    from nsview.model import audit
    from nsview.model.audit.lines import COLUMNS, FIELDS, line, lines
    from nsview.model.filter import reach_of

    from . import tables

    tables.check(options, COLUMNS)
    wanted = parsed(options.filter, fields=FIELDS)
    own = configured()
    gc.disable()
    host = host_of(options)
    try:
        host.first()
        snapshot, facts = host.holders(), host.security()
        nets = host.nets() if wanted.needs_nets else None
    finally:
        host.stop()
    worth = audit.SEVERITIES[: audit.SEVERITIES.index(options.severity) + 1]
    found = audit.audit(snapshot, facts, own.settings.audit.ignore)
    findings = [finding for finding in found if finding.severity in worth]
    if wanted:
        wanted = parsed(options.filter, fields=FIELDS, nets=reach_of(nets, snapshot))
        findings = [finding for finding in findings if wanted.line(line(finding, snapshot), snapshot)]
    unchecked = audit.unchecked(snapshot, facts)
    if options.json:
        print_json(audit.printed(findings, unchecked), options)
    elif options.output or options.sort or not options.headers:
        print_text(tables.printed(options, COLUMNS, lines(findings, snapshot), snapshot), options)
    else:
        text = report.audit(findings, snapshot, width(), whole=not unchecked, paint=paint())
        print_text(text, options)
    say(f"not checked: {line}" for line in unchecked)
    if findings:
        return NOTHING
    if unchecked and not snapshot.host.privileged:
        raise Failure(NOT_PERMITTED, f"no findings among what may be read; as root: {sudo(options)}")
    return DONE
