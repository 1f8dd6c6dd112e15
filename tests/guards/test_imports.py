"""Who may import whom: what needs no screen does not pay for one, and the agent runs where nothing is installed."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nsview

ROOT = Path(nsview.__file__).parent.parent
PACKAGE = ROOT / "nsview"
BESIDE = [PACKAGE / "linux.py", PACKAGE / "kernel.py", PACKAGE / "__init__.py"]
AGENT = [*sorted((PACKAGE / "agent").rglob("*.py")), *BESIDE]
JOIN = [*sorted((PACKAGE / "join").glob("*.py")), PACKAGE / "enter.py", PACKAGE / "record.py"]
SENT = [*AGENT, *(file for file in JOIN if file.name != "ready.py")]  # which is of the explorer, and its plans' data


def modules_of(code: str, *options: str) -> set[str]:
    """The names of all modules that are loaded after this code in a fresh interpreter."""
    prelude = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    done = subprocess.run(
        [sys.executable, *options, "-c", f"{prelude}{code}\nimport sys, json; print(json.dumps(list(sys.modules)))"],
        check=True, capture_output=True, text=True, cwd="/",
    )  # fmt: skip
    return set(json.loads(done.stdout.splitlines()[-1]))


def modules_below(package: str) -> list[str]:
    files = (PACKAGE / package).rglob("*.py")
    return sorted(".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for f in files)


@pytest.mark.parametrize(
    "module",
    [
        *modules_below("model"), *modules_below("hosts"), "nsview.join.plan", "nsview.report", "nsview.cli",
        "nsview.arguments",
    ],
)  # fmt: skip
def test_what_needs_no_screen_does_not_import_textual(module: str) -> None:
    loaded = modules_of(f"import {module}")
    assert module in loaded
    assert not {name.partition(".")[0] for name in loaded} & {"textual", "rich", "psutil"}


def test_the_first_picture_is_painted_without_textual() -> None:
    loaded = {name.partition(".")[0] for name in modules_of("import nsview.tui.first_picture")}
    assert not loaded & {"textual", "psutil"}


@pytest.mark.parametrize("command", [["list"], ["list", "--json"], ["inspect", "1"], ["--version"]])
def test_commands_that_print_do_not_import_textual(command: list[str]) -> None:
    loaded = modules_of(
        f"import nsview.cli, contextlib, io\n"
        f"with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):\n"
        f"    nsview.cli.main({command!r})"
    )
    assert not {name.partition(".")[0] for name in loaded} & {"textual", "rich", "psutil"}


def test_the_model_reads_nothing() -> None:
    loaded = modules_of("\n".join(f"import {module}" for module in modules_below("model")))
    own = {name for name in loaded if name.startswith("nsview.") and not name.startswith("nsview.model")}
    assert own == {"nsview.kernel"}  # names and numbers, whose own imports are none
    assert not imported_by(PACKAGE / "kernel.py")
    forbidden = {"os", "io", "pathlib", "subprocess", "socket", "time", "fcntl"}
    for file in (PACKAGE / "model").glob("*.py"):
        assert not imported_by(file) & forbidden, file.name


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("__init__.py")), ids=lambda file: str(file.relative_to(ROOT)))
def test_the_map_of_a_package_names_each_of_its_modules_once(file: Path) -> None:
    """A line of a map is the name, two blanks or more, and the module's content in words."""
    modules = [entry.stem for entry in file.parent.glob("*.py") if not entry.stem.startswith("__")]
    packages = [entry.parent.name for entry in file.parent.glob("*/__init__.py")]
    text = ast.get_docstring(ast.parse(file.read_text())) or ""
    assert sorted(re.findall(r"^(\w+)  +\S", text, re.MULTILINE)) == sorted([*modules, *packages])


@pytest.mark.parametrize("file", sorted((ROOT / "tests" / "unit").rglob("test_*.py")), ids=lambda file: file.stem)
def test_a_unit_test_stands_where_its_module_does(file: Path) -> None:
    """tests/unit/ROOM/test_MODULE.py, or test_MODULE_of_something.py; a package below a room counts as a module."""
    room = file.parent.relative_to(ROOT / "tests" / "unit")
    home = PACKAGE / room if (PACKAGE / room).is_dir() else ROOT / room
    modules = {path.stem for path in home.rglob("*") if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert [name for name in modules if f"{file.stem}_".startswith(f"test_{name}_")]


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_private_name_of_another_module_is_used(file: Path) -> None:
    """A module's own, below an imported name of nsview's; those of Textual are held by test_textual_private.py."""
    tree = ast.parse(file.read_text())
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in froms if node.level or (node.module or "").startswith("nsview")]
    names = {alias.asname or alias.name for node in ours for alias in node.names}
    assert [name for name in names if name.startswith("_") and not name.startswith("__")] == []
    used = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    assert [name for name in used if re.match(r"(\w+)[\w.]*\._[a-z]", name) and name.partition(".")[0] in names] == []


def imported_by(file: Path) -> set[str]:
    """The top-level names of what a file imports from outside of its package, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("file", AGENT, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_the_agent_imports_the_standard_library_alone(file: Path) -> None:
    """But for pyroute2, imported where it is installed by the process that reads net namespaces."""
    beside = {"pyroute2"} if file.name == "rtnetlink.py" else set()
    assert imported_by(file) <= sys.stdlib_module_names | {"nsview"} | beside


def test_the_agent_runs_isolated_and_loads_nothing_of_the_rest() -> None:
    loaded = modules_of("\n".join(f"import {module}" for module in modules_below("agent")), "-I", "-S")
    own = {name for name in loaded if name.partition(".")[0] == "nsview"}
    assert {name for name in own if not name.startswith("nsview.agent")} <= {"nsview", "nsview.linux", "nsview.kernel"}
    assert not {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"nsview", "__main__"}


@pytest.mark.parametrize("file", SENT, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_what_is_sent_is_written_in_the_python_of_old_hosts(file: Path) -> None:
    ast.parse(file.read_text(), feature_version=(3, 8))


def test_what_says_that_a_python_is_too_old_is_understood_by_that_python() -> None:
    """Annotations that are evaluated are of types that each Python 3 has."""
    text = (PACKAGE / "agent" / "sent.py").read_text()
    tree = ast.parse(text, feature_version=(3, 5))
    assert "from __future__" not in text
    notes = [n.annotation for n in ast.walk(tree) if isinstance(n, ast.arg | ast.AnnAssign) and n.annotation]
    assert all(isinstance(note, ast.Name | ast.Constant) for note in notes)


@pytest.mark.parametrize("file", SENT, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_what_is_sent_calls_nothing_that_python_3_8_lacks(file: Path) -> None:
    """What its grammar lets pass: methods and modules that came later, and annotations that are evaluated."""
    text = file.read_text()
    tree = ast.parse(text)
    later = {
        "removeprefix",
        "removesuffix",
        "pidfd_open",
        "waitstatus_to_exitcode",
        "bit_count",
        "pairwise",
        "cache",
        "is_relative_to",
    }
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    used = {a.attr for a in attributes if not (isinstance(a.value, ast.Name) and a.value.id == "linux")} & later
    guarded = {name for name in used if f'hasattr(os, "{name}")' in text}
    assert used == guarded
    annotated = any(isinstance(node, ast.AnnAssign | ast.arg) and node.annotation for node in ast.walk(tree))
    if annotated and file.name != "sent.py":  # older still, and tested above
        assert "from __future__ import annotations" in text
    keywords = {k.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for k in node.keywords}
    assert "strict" not in keywords
    made = [
        node.func.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Subscript)
    ]
    assert not {v.id for v in made if isinstance(v, ast.Name)} & {"set", "dict", "list", "tuple", "frozenset"}
    operators = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)]
    assert not [n for n in operators if isinstance(n.left, ast.Dict) or isinstance(n.right, ast.Dict)]


def test_the_rooms_import_only_those_below_them() -> None:
    """The contracts are in pyproject.toml: the rooms from the top, the floors of the screen, Textual, the model."""
    script = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([script, "--no-cache"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-3000:]
