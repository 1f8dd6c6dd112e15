"""Pids, paths and namespaces of a snapshot are those of its host, which may be another machine: the places that take
one for this machine's are known, and each of them asks first."""

import ast
from collections.abc import Iterator
from pathlib import Path

import nsview

PACKAGE = Path(nsview.__file__).parent
OUTSIDE = [
    *(file for room in ("cli", "hosts", "model", "tui") for file in sorted((PACKAGE / room).rglob("*.py"))),
    PACKAGE / "lookup.py", PACKAGE / "report.py",
]  # fmt: skip
HERE = {
    "cli/answer.py": {"getpid"},  # its own signals
    "cli/console.py": {"getpid", "getppid"},  # own_pids, of this machine alone
    "cli/enter.py": {"enter"},  # the command, if no host is named
    "hosts/link.py": {"/proc/"},  # the state of its own child
    "hosts/local.py": {"agent"},
    "hosts/recording.py": {"/proc/self/statm"},  # its own size
    "hosts/spawn.py": {"/proc/self/ns"},
    "lookup.py": {"target"},  # a path, of this machine alone
    "tui/entrance.py": {"run"},  # the helper, for this machine alone
    "tui/screens/signal_menu.py": {"signals"},
}
"""{file: the things in it that act on this machine}, each behind a question for the host or about nsview itself."""
_ACTS = {"agent", "enter", "run", "signals", "supervisor", "target", "accounts"}
"""Modules that read or change this machine."""


def acts(file: Path) -> Iterator[str]:
    """The things in a file that look at this machine, or act on it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            room, _, rest = node.module.removeprefix("nsview.").partition(".")
            if room in ("nsview", "agent") and (node.module.startswith("nsview") or node.level):
                yield from {"agent"} if room == "agent" else {alias.name for alias in node.names} & _ACTS
            elif room == "join":
                yield from ({rest} if rest else {alias.name for alias in node.names}) & _ACTS
        elif isinstance(node, ast.Attribute) and node.attr in ("getpid", "getppid", "pidfd_open", "setns"):
            if isinstance(node.value, ast.Name) and node.value.id in ("os", "linux"):
                yield node.attr
        elif isinstance(node, ast.Call):
            opened = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if opened in ("open", "Path", "stat", "readlink", "listdir", "isdir", "exists"):
                words = [part.value for argument in node.args for part in ast.walk(argument)
                         if isinstance(part, ast.Constant)]  # fmt: skip
                yield from (str(word) for word in words if str(word).startswith("/proc"))


def test_the_places_that_act_on_this_machine_are_known() -> None:
    found = {str(file.relative_to(PACKAGE)): set(acts(file)) for file in OUTSIDE}
    assert {name: what for name, what in found.items() if what} == HERE
