"""The few instructions that make the last exec, so that /proc/self/exe never leads to a file of the host.

A container can make its shell a link to /proc/self/exe, or a script that begins with `#!/proc/self/exe`. A joiner that
execs such a shell from inside runs itself, in the container, with the container's libraries, and its own file can be
opened through /proc/PID/exe and overwritten: CVE-2019-5736. So the child first execs this program, a static ELF of
about 230 bytes in a sealed memfd (memfd_create(2), fcntl(2) F_ADD_SEALS); the supervisor proves the child's power at
that exec, and the program then execs the command. /proc/self/exe leads to those sealed bytes.

The program, called with argv = path, argv[0], argv[1], ..:
    execve(path, argv + 1, envp)
    exit_group(errno)               no pipe is left that the command could write to: the tracer sees that no exec came
    an undefined instruction        if a filter answered exit_group in the kernel's place
"""

from __future__ import annotations

import os
import struct

from nsview import linux

from .failure import FAILED, Failure

# Intel syntax; the number of a system call is in rax, the arguments in rdi, rsi, rdx.
_X86_64 = bytes.fromhex(
    "488b0c24"  # mov rcx, [rsp]                argc
    "488b7c2408"  # mov rdi, [rsp+8]            path
    "488d742410"  # lea rsi, [rsp+16]           argv + 1
    "488d54cc10"  # lea rdx, [rsp+rcx*8+16]     envp
    "b83b000000"  # mov eax, 59                 execve
    "0f05"  # syscall
    "f7d8"  # neg eax
    "89c7"  # mov edi, eax
    "b8e7000000"  # mov eax, 231                exit_group
    "0f05"  # syscall
    "0f0b"  # ud2
)

# The number of a system call is in x8, the arguments in x0, x1, x2. Instructions are little-endian words.
_AARCH64 = struct.pack(
    "<10I",
    0xF94003E3,  # ldr x3, [sp]                 argc
    0xF94007E0,  # ldr x0, [sp, #8]             path
    0x910043E1,  # add x1, sp, #16              argv + 1
    0x8B030C22,  # add x2, x1, x3, lsl #3       envp
    0xD2801BA8,  # mov x8, #221                 execve
    0xD4000001,  # svc #0
    0x4B0003E0,  # neg w0, w0
    0xD2800BC8,  # mov x8, #94                  exit_group
    0xD4000001,  # svc #0
    0x00000000,  # udf #0
)

_MACHINES = {"x86_64": (62, _X86_64), "aarch64": (183, _AARCH64)}  # ELF e_machine, code


def image(machine: str | None = None) -> bytes | None:
    """The program as an ELF file for a machine (uname -m, by default this one). None if there is no code for it."""
    found = _MACHINES.get(machine or os.uname().machine)
    if found is None:
        return None
    number, code = found
    base, header_size, program_size = 0x400000, 64, 56
    start = header_size + 2 * program_size
    size = start + len(code)
    # elf(5): 64-bit, little-endian, ET_EXEC; PT_LOAD of the whole file, r-x; PT_GNU_STACK, rw-.
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        *(2, number, 1, base + start, header_size, 0, 0, header_size, program_size, 2, 0, 0, 0),
    )
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x10000)
    stack = struct.pack("<IIQQQQQQ", 0x6474E551, 6, 0, 0, 0, 0, 0, 16)
    return header + load + stack + code


def sealed_image() -> int:
    """The file descriptor of the program. Raises Failure if there is no code for this machine, or a file in memory may
    not be executed."""
    content = image()
    if content is None:
        machine = os.uname().machine
        raise Failure(FAILED, f"nothing can be entered on this machine ({machine}), only on x86_64 and aarch64")
    try:
        return sealed(content, "nsview")
    except OSError as error:
        raise Failure(FAILED, f"no executable file in memory: {error.strerror}: see vm.memfd_noexec") from None


def sealed(content: bytes, name: str) -> int:
    """The file descriptor, closed on exec, of an executable in memory that nobody can change any more."""
    fd = linux.executable_memfd(name)
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]
    linux.seal(fd)
    return fd
