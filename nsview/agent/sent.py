"""The agent on a host where nothing is installed: its modules arrive on stdin, and stay in memory.

The text of this module is the first thing that is sent (nsview/hosts/bundle.py) and is executed as `__main__`. Python
older than 3.8 must understand it too, to say that it is too old; so it has none of the newer syntax.
"""

import marshal
import os
import sys
import time
import zlib
from _frozen_importlib_external import MAGIC_NUMBER
from importlib.machinery import ModuleSpec

OLDEST = (3, 8)


class Modules:
    """Imports modules that were sent, {name: code or text}; a name with others below it is a package."""

    def __init__(self, packed: bytes) -> None:
        self.parts = {}  # type: ignore[var-annotated]  # Python 3.5 knows no better way
        self.add(packed)

    def add(self, packed: bytes) -> None:
        """Add modules, as `bundle.packed` makes them."""
        self.parts.update(marshal.loads(zlib.decompress(packed)))

    def find_spec(self, name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
        """The spec of a module that was sent, None for all others."""
        if name not in self.parts:
            return None
        package = any(other.startswith(name + ".") for other in self.parts)
        return ModuleSpec(name, self, origin="sent", is_package=package)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """None: the usual module will do."""

    def exec_module(self, module: object) -> None:
        """Execute a module's code in it."""
        name = module.__name__  # type: ignore[attr-defined]
        code = self.parts[name]
        if isinstance(code, str):
            code = compile(code, "<%s>" % name, "exec", dont_inherit=True)
        exec(code, module.__dict__)


def boot(size: int, magic: str, arguments: "list[str]") -> None:
    """Receive `size` bytes of modules and run the agent. magic: of the Python that has made their code; to another
    their texts are sent. Ends with exit code 4 if this Python is too old."""
    if sys.version_info[:2] < OLDEST:
        words = "the python3 there is %d.%d, and nsview needs 3.8 or later" % sys.version_info[:2]
        os.write(1, ('{"frame":"error","text":"%s"}\n' % words).encode())
        os._exit(4)
    own = MAGIC_NUMBER.hex()
    os.write(1, ("nsview-agent %d %s\n" % (time.time(), own)).encode())
    packed = _received(size)
    if own != magic:
        with open(0, "rb", 0, closefd=False) as stdin:
            packed = _received(int(stdin.readline() or 0))
    modules = Modules(packed)
    sys.meta_path.insert(0, modules)
    from nsview.agent.main import main

    main(arguments, modules.add)


def _received(size: int) -> bytes:
    chunks = []
    while size:
        chunk = os.read(0, min(size, 1 << 20))
        if not chunk:
            os._exit(0)
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
