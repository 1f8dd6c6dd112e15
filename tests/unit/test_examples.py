"""The examples in each --help are true: each is a command line that nsview takes."""

import shlex

import pytest

from nsview.arguments import parse, parser
from nsview.cli.console import parsed
from nsview.cli.tables import check
from nsview.examples import EXAMPLES
from nsview.model import container_table, listing, netmap, usage_table
from nsview.model.audit.lines import COLUMNS, FIELDS
from nsview.model.netfields import fields

ALL = [line for examples in EXAMPLES.values() for line, _ in examples]
TABLES = {
    "namespaces": (listing.NAMESPACES, None), "processes": (listing.PROCESSES, None),
    "containers": (listing.CONTAINERS, None), "nets": (netmap.COLUMNS, fields()),
    "use": (container_table.COLUMNS, usage_table.fields(container_table.COLUMNS)), "audit": (COLUMNS, FIELDS),
}  # fmt: skip


@pytest.mark.parametrize("line", ALL)
def test_an_example_is_a_command_line(line: str) -> None:
    program, *words = shlex.split(line.removeprefix("sudo "))
    assert program == "nsview"
    options = parse(words)
    if options.command in ("list", "audit"):
        table = options.command if options.command == "audit" else options.table or "namespaces"
        columns, known = TABLES[table]
        parsed(options, fields=known)
        check(options, columns)


@pytest.mark.parametrize("command", EXAMPLES)
def test_each_help_has_its_examples_in_80_columns(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([*command.split(), "--help"])
    said = capsys.readouterr().out
    assert all(len(line) <= 80 for line in said.splitlines())
    _, examples = said.split("\nexamples:\n")
    assert [line for line, _ in EXAMPLES[command] if f"  {line}" not in examples] == []


def test_each_command_has_examples() -> None:
    (commands,) = [action for action in parser()._actions if action.dest == "command"]
    assert {"", *(commands.choices or ())} == {*EXAMPLES, "ls"}
