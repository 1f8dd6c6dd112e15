"""Each path of the host's is looked up by `hostfiles`, for nsview may run where a path leads elsewhere."""

import ast
from pathlib import Path

import pytest

import nsview

AGENT = Path(nsview.__file__).parent / "agent"
FILES = sorted(file for file in AGENT.rglob("*.py") if file.name != "hostfiles.py")
_LOOKS = {"open", "stat", "lstat", "listdir", "scandir", "readlink", "statvfs", "access", "realpath", "exists", "isdir",
          "isfile", "lexists"}  # fmt: skip


def _beginning(node: ast.expr) -> str:
    """What a path that is written down begins with; "" where it is not."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr) and node.values:
        return _beginning(node.values[0])
    return _beginning(node.left) if isinstance(node, ast.BinOp) else ""


def _constants(tree: ast.Module) -> dict[str, str]:
    """{name: its path} of what a module calls a path."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            names, values = (one.elts if isinstance(one, ast.Tuple) else [one] for one in (node.targets[0], node.value))
            pairs = zip(names, values, strict=False)
            found.update({name.id: _beginning(value) for name, value in pairs if isinstance(name, ast.Name)})
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(AGENT)))
def test_no_other_opens_a_path_of_the_hosts(file: Path) -> None:
    tree = ast.parse(file.read_text())
    named = _constants(tree)
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args):
        function, first = call.func, call.args[0]
        of_os = isinstance(function, ast.Attribute) and ast.unparse(function.value) in ("os", "os.path")
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name in _LOOKS and (of_os or isinstance(function, ast.Name)) and not _by_directory(call):
            path = named.get(first.id, "") if isinstance(first, ast.Name) else _beginning(first)
            assert not path.startswith("/") or path.startswith("/proc"), f"line {call.lineno}: {ast.unparse(call)}"


def _by_directory(call: ast.Call) -> bool:
    return any(keyword.arg == "dir_fd" for keyword in call.keywords)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(AGENT)))
def test_no_other_asks_for_the_mounts_and_users_of_where_nsview_runs(file: Path) -> None:
    """But for what is mounted at our own /proc, and the /proc/PID/mountinfo of others."""
    tree = ast.parse(file.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not imported & {"pwd", "grp"}
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert file.name in ("limitations.py", "mountinfo.py") or "read_own" not in used
