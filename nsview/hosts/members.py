"""The members of a recording: lines of JSON in gzip members, each of which begins with a full look.

zcat reads such a file. A member's header has a field of its own (RFC 1952, 2.3.1.1): the time of its first look, the
bytes that this takes, and once the member is whole its length, by which the next one is found, and the number of
processes that came or went in it. The name of the field says whether it is redacted. Each frame is flushed by itself,
so a file that is cut at any byte opens to its last whole frame.
"""

import contextlib
import errno
import fcntl
import os
import stat
import struct
import time
import zlib
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO, NamedTuple

_MAGIC = b"\x1f\x8b"
_HEADER = struct.Struct("<4sI2sH2sHdIQI")
_FLAGS = _MAGIC + b"\x08\x04"  # deflate, with a field of its own
_ANY = b"\x00\xff"  # speed, system
_OWN, _REDACTED = b"NV", b"NR"
_WHOLE = struct.Struct("<QI")  # the end of the header
_CHUNK = 1 << 18


class Member(NamedTuple):
    """A part of a recording. began: seconds since the epoch, -inf if the header doesn't tell. length: in bytes, 0 if
    nobody has ended it. changes: the number of processes that came or went in it, once it was ended. redacted: nothing
    that users typed was written to it."""

    began: float
    offset: int
    length: int
    changes: int
    redacted: bool = False


def members(file: BinaryIO) -> list[Member]:
    """The members of a file; one for a whole file of another make. Raises ValueError where something else follows."""
    found: list[Member] = []
    fd, offset, size = file.fileno(), 0, os.fstat(file.fileno()).st_size
    while len(header := os.pread(fd, _HEADER.size, offset)) == _HEADER.size and header.strip(b"\0"):
        flags, _, _, _, own, _, began, head, length, changes = _HEADER.unpack(header)
        if flags != _FLAGS or own not in (_OWN, _REDACTED):
            if not found:
                return [Member(float("-inf"), 0, 0, 0)]
            raise ValueError(f"something else than a recording follows at byte {offset}")
        if found and offset + head > size:
            break  # cut while its look was written: the one before tells all of that
        whole = 0 < length <= size - offset
        found.append(Member(began, offset, length if whole else 0, changes if whole else 0, own == _REDACTED))
        if not whole:
            break
        offset += length
    return found or [Member(float("-inf"), 0, 0, 0)]


def lines(file: BinaryIO, member: Member, most: int) -> tuple[bytearray, bool]:
    """(the whole lines of a member, True if a part of a line was lost); at most one byte more than `most`. Raises
    ValueError if a whole member is damaged."""
    data, damaged = _inflated(file, member, most) if _packed(file, member) else (_plain(file, most), False)
    if damaged and member.length:
        raise ValueError(f"the part at byte {member.offset} is damaged")
    if len(data) > most:
        return data, False
    whole = data.rfind(b"\n") + 1
    cut = damaged or whole < len(data)
    del data[whole:]
    return data, cut


def _packed(file: BinaryIO, member: Member) -> bool:
    return os.pread(file.fileno(), 2, member.offset) == _MAGIC


def _plain(file: BinaryIO, most: int) -> bytearray:
    data = bytearray()
    while len(data) <= most and (chunk := os.pread(file.fileno(), min(_CHUNK, most + 1 - len(data)), len(data))):
        data += chunk
    return data


def _inflated(file: BinaryIO, member: Member, most: int) -> tuple[bytearray, bool]:
    """(the bytes of a member, True if it is damaged), up to the damage. A file of another make may be several."""
    data, offset, inflate = bytearray(), member.offset, zlib.decompressobj(31)
    end = member.offset + member.length if member.length else os.fstat(file.fileno()).st_size
    waiting = b""
    while len(data) <= most:
        waiting = waiting or os.pread(file.fileno(), min(_CHUNK, end - offset), offset)
        if not waiting:
            return data, bool(member.length) and not inflate.eof
        before = inflate.copy()
        try:
            data += inflate.decompress(waiting, most + 1 - len(data))
        except zlib.error:
            with contextlib.suppress(zlib.error):  # the output before the damage is still wanted
                for byte in waiting:
                    data += before.decompress(bytes((byte,)))
            return data, True
        offset += len(waiting) - len(inflate.unused_data)
        waiting = b""
        if inflate.eof:
            if member.length or offset >= end:
                return data, offset != end
            inflate = zlib.decompressobj(31)
    return data, False


class Writer:
    """A file that members are written to: a new one, readable by its owner alone. keep: an earlier recording is gone on
    with, in a new file too, and members that ended so many seconds ago are dropped. redacted: all that is written, so
    that an earlier recording is gone on with only if it is so too."""

    def __init__(self, path: str, keep: float | None = None, *, redacted: bool = False) -> None:
        """Raises FileExistsError if there is a file that is not to be gone on with, other OSErrors if none can be
        opened."""
        self._path, self._keep, self._redacted = path, keep, redacted
        self._ended: list[Member] = []
        self._began, self._offset, self._changes = 0.0, 0, 0
        self._deflate = zlib.compressobj(wbits=-15)
        self._sum = self._size = 0  # of the open member
        self.head = self.tail = 0  # bytes of the first look, and of all since
        self._open = False
        if keep is not None and os.path.islink(path):
            raise FileExistsError(errno.EEXIST, "a link", path)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self._fd = os.open(path, flags | (os.O_EXCL if keep is None else 0), 0o600)
        try:
            _lock(self._fd, path)
            found = os.fstat(self._fd)
            if not stat.S_ISREG(found.st_mode):
                raise ValueError("not a file")
            if found.st_uid != os.geteuid():
                raise ValueError("another user's")
            if found.st_size:
                with open(self._fd, "rb", closefd=False) as file:
                    self._ended = members(file)
                if self._ended[0].began == float("-inf"):
                    raise ValueError("not a recording that can be gone on with")
            if keep is not None:
                self._renew(time.time() - keep)
        except ValueError as error:
            os.close(self._fd)
            raise FileExistsError(errno.EEXIST, str(error), path) from None
        except BaseException:
            os.close(self._fd)
            raise

    def begin(self, began: float, head: Iterable[bytes]) -> None:
        """End the open member and begin the next one with these lines."""
        self.end()
        if self._keep is not None and len(self._ended) > 1 and self._ended[1].began < began - 1.1 * self._keep:
            self._renew(began - self._keep)
        self._began, self._changes = began, 0
        self._deflate = zlib.compressobj(wbits=-15)
        self._sum = self._size = self.tail = 0
        self._offset = os.lseek(self._fd, 0, os.SEEK_END)
        self._open = True
        packed = b"".join(map(self._packed, head)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._write(self._header(len(packed)) + packed)
        self.head = self._size

    def write(self, line: bytes, changes: int = 0) -> None:
        """Write a line whole and at once. changes: the number of processes that come or go in it."""
        self._changes += changes
        self._write(self._packed(line) + self._deflate.flush(zlib.Z_SYNC_FLUSH))
        self.tail = self._size - self.head

    def end(self) -> None:
        """End the open member, if there is one, and have it on the disk."""
        if self._open:
            self._open = False
            self._write(self._deflate.flush() + struct.pack("<II", self._sum, self._size & 0xFFFFFFFF))
            length = os.lseek(self._fd, 0, os.SEEK_END) - self._offset
            os.pwrite(self._fd, _WHOLE.pack(length, self._changes), self._offset + _HEADER.size - _WHOLE.size)
            self._ended.append(Member(self._began, self._offset, length, self._changes, self._redacted))
            os.fdatasync(self._fd)

    def close(self) -> None:
        """End the open member and close the file, which is removed if nothing was told."""
        try:
            self.end()
            if not os.fstat(self._fd).st_size:
                Path(self._path).unlink(missing_ok=True)
        finally:
            os.close(self._fd)

    def _header(self, head: int) -> bytes:
        own = _HEADER.size - 16  # bytes of the field behind its own length
        name = _REDACTED if self._redacted else _OWN
        return _HEADER.pack(_FLAGS, 0, _ANY, own + 4, name, own, self._began, _HEADER.size + head, 0, 0)

    def _packed(self, line: bytes) -> bytes:
        self._sum = zlib.crc32(line, self._sum)
        self._size += len(line)
        return self._deflate.compress(line)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def _renew(self, since: float) -> None:
        """Put a copy in the place of the file, which nobody has open or has a link to: without the members that ended
        before, and with the last one whole. Raises ValueError if some are not redacted and must be."""
        old, ended, path = self._fd, self._ended, f"{self._path}.new"
        kept = [one for one, after in zip_longest(ended, ended[1:]) if not after or after.began > since]
        if self._redacted and not all(one.redacted for one in kept):
            raise ValueError("with arguments of commands and values of environments in it")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # of one that was killed meanwhile
        new = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            _lock(new, path)
            self._fd, self._ended = new, []
            for member in kept:
                if member.length:
                    offset = _copied(old, new, member)
                    self._ended.append(member._replace(offset=offset))
                else:
                    with open(old, "rb", closefd=False) as file:
                        told, _ = lines(file, member, 1 << 30)
                    if told:
                        self.begin(member.began, (bytes(told),))
                        self.end()
            os.fsync(new)
            os.rename(path, self._path)
        except BaseException:
            self._fd, self._ended, self._open = old, ended, False
            os.close(new)
            Path(path).unlink(missing_ok=True)
            raise
        os.close(old)


def _lock(fd: int, path: str) -> None:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(fd), os.lstat(path)):  # else another one has just renewed it
            return
    raise OSError(errno.EBUSY, "another `nsview record` writes to it")


def _copied(old: int, new: int, member: Member) -> int:
    """Copy a member to the end of another file, and return the place of the copy."""
    begin, left = os.lseek(new, 0, os.SEEK_END), member.length
    while left:
        sent = os.sendfile(new, old, member.offset + member.length - left, left)
        if not sent:
            raise OSError(errno.EIO, "was cut while it was copied")
        left -= sent
    return begin
