"""The agent as it is sent to a host without nsview: all but the first line of Python is read from stdin there.

The first line is the program that `python3 -c` is given. It reads a second line, nsview/agent/sent.py, which receives
the modules: first the code of those that a first look needs, as this Python has compiled them. A Python of another
version says so, and gets the texts.
"""

import base64
import functools
import importlib.util
import marshal
import os
import zlib
from collections.abc import Iterator, Mapping
from importlib.machinery import SourceFileLoader
from types import CodeType

from .spawn import ROOT

PYTHON = ("python3", "-I", "-S", "-c")
FIRST_LINE = 'exec(open(0,"rb",0,closefd=False).readline())'
"""Unbuffered: nothing is read that is for others. It has no character that a shell would take for its own in quotes."""
READY = b"nsview-ready\n"
FIRST_LINE_WHEN_READY = f'print("{READY.decode().strip()}",flush=True);{FIRST_LINE}'
GREETING = b"nsview-agent "
"""The beginning of the line that the agent writes first; the seconds of its clock and its Python's magic follow."""
MAGIC = importlib.util.MAGIC_NUMBER.hex().encode()
LATER = frozenset(
    "authority details engines forwards links logs net net_queue netlink procnet rtnetlink security sockdiag sockets "
    "status usage xtables".split()
)
"""The modules of the agent that no first look needs, and those below them."""
_UNNEEDED = frozenset(  # types alone; sent otherwise; with msgspec
    ("nsview.agent.protocol", "nsview.agent.sent", "nsview.join.ready")
)


@functools.cache
def beginning(*arguments: str) -> bytes:
    """The bytes that an agent begins with. arguments: its own."""
    first = {name: _code(name, path) for name, path in _agent() if not _is_later(name)}
    packed = zlib.compress(marshal.dumps(first), 1)
    text = f"{_sent()}\nboot({len(packed)}, {MAGIC.decode()!r}, {list(arguments)!r})\n"
    return b"exec(%a)\n" % text + packed


@functools.cache
def rest(magic: bytes) -> bytes:
    """The bytes that come next, for an agent whose Python has this magic number."""
    if magic == MAGIC:
        later = {name: _code(name, path) for name, path in (*_agent(), *_pyroute2()) if _is_later(name)}
        packed = base64.b64encode(zlib.compress(marshal.dumps(later), 1))
        return b'{"request":"modules","packed":"%b"}\n' % packed
    texts = {name: _text(path) for name, path in (*_agent(), *_pyroute2())}
    packed = zlib.compress(marshal.dumps(texts, 2))
    return b"%d\n%b" % (len(packed), packed)


@functools.cache
def _joining(magic: bytes) -> bytes:
    """The modules that enter a namespace, packed for a Python with this magic number."""
    paths = ("enter.py", "record.py", "join", "model/__init__.py", "model/text.py")
    found = [*_agent(), *(one for path in paths for one in _below(ROOT, f"nsview/{path}") if one[0] not in _UNNEEDED)]
    if magic == MAGIC:
        return zlib.compress(marshal.dumps({name: _code(name, path) for name, path in found}), 1)
    return zlib.compress(marshal.dumps({name: _text(path) for name, path in found}, 2))


def entering(magic: bytes, given: Mapping[str, object]) -> tuple[bytes, int]:
    """(the bytes by which a namespace is entered, the number of those that are Python's text). magic: of the Python
    that executes them; given: the options of `nsview enter`."""
    start = f"sys.meta_path.insert(0, Modules(packed))\nfrom nsview.enter import sent\nsent({dict(given)!a})\n"
    text = f"{_sent()}\n{start}".encode()
    return text + _joining(magic), len(text)


def _sent() -> str:
    with open(os.path.join(ROOT, "nsview/agent/sent.py"), encoding="utf-8") as file:
        return file.read()


def _is_later(name: str) -> bool:
    parts = name.split(".")
    return parts[0] != "nsview" or not LATER.isdisjoint(parts[2:])


def _code(name: str, path: str | None) -> CodeType | str | None:
    return SourceFileLoader(name, path).get_code(name) if path else ""


def _text(path: str | None) -> str:
    if path is None:
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def _agent() -> Iterator[tuple[str, str]]:
    """(name, path) of each module of the agent."""
    for path in ("nsview/__init__.py", "nsview/kernel.py", "nsview/linux.py", "nsview/agent"):
        yield from ((name, path) for name, path in _below(ROOT, path) if name not in _UNNEEDED)


def _pyroute2() -> Iterator[tuple[str, str | None]]:
    """(name, path) of each module of pyroute2 that the agent imports, if that is installed; without the path of the
    package itself, which would import all of it."""
    found = importlib.util.find_spec("pyroute2")
    if found and found.origin:
        packages = os.path.dirname(os.path.dirname(found.origin))
        yield "pyroute2", None
        for part in ("common.py", "config", "netlink/__init__.py", "netlink/exceptions.py", "netlink/rtnl"):
            yield from _below(packages, f"pyroute2/{part}")


def _below(root: str, path: str) -> Iterator[tuple[str, str]]:
    """(name, path) of the module in a file, or of all modules in a directory; both below `root`."""
    whole = os.path.join(root, path)
    if path.endswith(".py"):
        yield path.removesuffix(".py").removesuffix("/__init__").replace("/", "."), whole
    elif os.path.isdir(whole):
        for entry in sorted(os.listdir(whole)):
            yield from _below(root, f"{path}/{entry}")
