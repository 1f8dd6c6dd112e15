"""A static busybox of the host's, for containers that have no shell: found here, executed from memory.

A sealed memfd (memfd_create(2), fcntl(2) F_ADD_SEALS) holds the copy, so it needs no file, no file system that allows
execution and no libraries inside, and nothing is written to the container. Debian's busybox runs many of its applets
within its shell and the others through /proc/self/exe, which is that memfd again.
"""

from __future__ import annotations

import os
import stat

from nsview import linux

from .failure import FAILED, NOT_FOUND, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMES = ("busybox", "busybox.static", "busybox-static")
_PLACES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_PT_INTERP = 3  # elf(5): the program needs an interpreter, which is the dynamic linker


def find(places: Sequence[str] | None = None) -> str:
    """The path of a static busybox, from these directories, or from PATH and the usual ones. Raises Failure if none
    is found."""
    if places is None:
        places = [*os.environ.get("PATH", "").split(":"), *_PLACES]
    dynamic = None
    for place in dict.fromkeys(places):
        for name in _NAMES if place.startswith("/") else ():
            path = f"{place}/{name}"
            try:
                if not stat.S_ISREG(os.stat(path).st_mode):
                    continue
                with open(path, "rb", buffering=0) as file:
                    if static(file.read(4096)):
                        return path
                    dynamic = dynamic or path
            except OSError:
                continue
    why = f"{dynamic} needs libraries that a container may lack" if dynamic else "no busybox is on this host"
    raise Failure(
        NOT_FOUND, f"{why}: install a static one (apt-get install busybox-static, apk add busybox-static) for --toolbox"
    )


def static(head: bytes) -> bool:
    """True if the first 4096 bytes of a file are those of a 64- or 32-bit ELF program that needs no dynamic linker."""
    if len(head) < 52 or head[:4] != b"\x7fELF" or head[4] not in (1, 2) or head[5] not in (1, 2):
        return False
    order = "little" if head[5] == 1 else "big"
    at, width, size_at = (32, 8, 54) if head[4] == 2 else (28, 4, 42)

    def number(where: int, length: int) -> int:
        return int.from_bytes(head[where : where + length], order)  # type: ignore[arg-type]

    start, size, count = number(at, width), number(size_at, 2), number(size_at + 2, 2)
    if size < 32 or count == 0 or start + size * count > len(head):
        return False
    return all(number(start + size * index, 4) != _PT_INTERP for index in range(count))


def sealed(path: str) -> int:
    """The descriptor, closed on exec, of a copy of the program in memory that nobody can change. Raises Failure if
    the copy fails."""
    try:
        with open(path, "rb", buffering=0) as file:
            fd = linux.executable_memfd("busybox")
            size = os.fstat(file.fileno()).st_size
            while (left := size - os.lseek(fd, 0, os.SEEK_CUR)) > 0:
                if not os.sendfile(fd, file.fileno(), None, left):
                    break
        linux.seal(fd)
    except OSError as error:
        raise Failure(FAILED, f"no copy of {path} in memory: {error.strerror}: see vm.memfd_noexec") from None
    return fd
