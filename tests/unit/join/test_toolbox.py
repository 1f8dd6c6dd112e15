"""Which busybox can be run where there is nothing: a static one, and what is said where there is none."""

import os
import struct
from pathlib import Path

import pytest

from nsview.join import toolbox, trampoline
from nsview.join.failure import Failure


def elf(*kinds: int, bits: int = 64) -> bytes:
    """An ELF header, little-endian, with program headers of these types."""
    if bits == 64:
        header = struct.pack(
            "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, 0, 64, 0, 0, 64, 56, len(kinds), 0, 0, 0
        )
        return header + b"".join(struct.pack("<I52x", kind) for kind in kinds)
    header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, 3, 1, 0, 52, 0, 0, 52, 32, len(kinds), 0, 0, 0)
    return header + b"".join(struct.pack("<I28x", kind) for kind in kinds)


@pytest.mark.parametrize("bits", [64, 32])
def test_a_program_is_static_where_it_names_no_interpreter(bits: int) -> None:
    assert toolbox.static(elf(1, 1, 4, bits=bits))
    assert not toolbox.static(elf(6, 3, 1, bits=bits))


@pytest.mark.parametrize("head", [b"", b"#!/bin/sh\n", b"\x7fELF", elf(), elf(1)[:70], b"\x7fELF\x09\x01" + bytes(90)])
def test_what_is_no_program_is_not_static(head: bytes) -> None:
    assert not toolbox.static(head)


def test_the_trampoline_is_static() -> None:
    image = trampoline.image("x86_64")
    assert image and toolbox.static(image[:4096])


def test_the_first_static_one_is_found(tmp_path: Path) -> None:
    for name, content in (("a", elf(3)), ("b", elf(1)), ("c", elf(1))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "busybox").write_bytes(content)
    (tmp_path / "fifo").mkdir()
    os.mkfifo(tmp_path / "fifo" / "busybox")
    places = ["", ".", str(tmp_path / "none"), str(tmp_path / "fifo"), *(str(tmp_path / name) for name in "abc")]
    assert toolbox.find(places) == str(tmp_path / "b" / "busybox")


@pytest.mark.parametrize(("content", "words"), [(elf(3), "needs libraries"), (None, "no busybox is on this host")])
def test_where_there_is_none_it_is_said_what_to_install(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content:
        (tmp_path / "busybox").write_bytes(content)
    with pytest.raises(Failure) as refused:
        toolbox.find([str(tmp_path)])
    assert refused.value.code == 127
    assert words in refused.value.text and "apt-get install busybox-static" in refused.value.text
    assert "\n" not in refused.value.text


def test_the_copy_in_memory_is_whole_and_sealed(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "busybox").write_bytes(content)
    fd = toolbox.sealed(str(tmp_path / "busybox"))
    try:
        assert os.pread(fd, len(content) + 1, 0) == content
        assert not os.get_inheritable(fd)
        for change in (lambda: os.pwrite(fd, b"x", 0), lambda: os.ftruncate(fd, 1), lambda: os.truncate(fd, 1 << 30)):
            with pytest.raises(PermissionError):
                change()
    finally:
        os.close(fd)
