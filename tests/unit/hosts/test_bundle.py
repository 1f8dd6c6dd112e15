"""The agent as it is sent: complete, and without the modules that a first look does without."""

import ast
import marshal
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

from nsview.hosts import bundle
from nsview.hosts.spawn import ROOT

_LOOK = """
import io, os, sys
sys.path.append(sys.argv[1])
from nsview.agent.main import Agent
read, write = os.pipe()
os.close(write)
Agent(io.BytesIO(), read).run(parts=True)
print(*sys.modules)
"""


def modules(packed: bytes) -> dict[str, Any]:
    found = marshal.loads(zlib.decompress(packed))
    assert isinstance(found, dict)
    return found


def first() -> dict[str, Any]:
    _, _, packed = bundle.beginning().partition(b"\n")
    return modules(packed)


def test_a_first_look_imports_only_modules_that_are_sent_first() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LOOK, ROOT], check=True, capture_output=True, text=True, timeout=60
    )
    imported = {name for name in done.stdout.split() if name.partition(".")[0] == "nsview"}
    assert imported <= first().keys()


def test_each_module_of_the_agent_is_sent_to_any_python() -> None:
    texts = modules(bundle.rest(b"another").partition(b"\n")[2])
    paths = (
        os.path.relpath(os.path.join(directory, name), ROOT)
        for directory, _, names in os.walk(os.path.join(ROOT, "nsview/agent"))
        for name in names
        if name.endswith(".py")
    )
    names = {path[:-3].replace("/", ".").removesuffix(".__init__") for path in paths}
    assert names - texts.keys() == {"nsview.agent.protocol", "nsview.agent.sent"}
    assert {"nsview", "nsview.linux", "nsview.kernel", "pyroute2.netlink.rtnl.rtmsg"} <= texts.keys()
    assert not {name for name in texts if name.startswith(("nsview.model", "nsview.hosts", "nsview.join"))}


def test_the_first_line_has_nothing_that_a_shell_takes_for_its_own_in_quotes() -> None:
    for line in (bundle.FIRST_LINE, bundle.FIRST_LINE_WHEN_READY):
        assert not set(line) & set("'\\!\n$`")


def test_the_first_line_reads_no_further_than_a_line() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", bundle.FIRST_LINE],
        input=b"import os; print(os.read(0, 9).decode(), end='', flush=True)\nthe rest",
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == b"the rest"


def test_nothing_that_is_sent_first_imports_what_comes_later() -> None:
    """A look from within a container imports more than one on the host; what was asked for is imported by main, and
    by the scanner the records of engines."""
    found = set()
    for name in first().keys() - {"nsview.agent.main"}:
        path = Path(ROOT, *name.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                words = {*(node.module or "").split("."), *(alias.name for alias in node.names if not node.module)}
                found |= {(name, word) for word in words & bundle.LATER if node.level or "agent" in words}
    assert found == {("nsview.agent.scan", "engines")}
