"""The few instructions that make the last exec, so that /proc/self/exe never leads to a file of the host.

A container can make its shell a link to /proc/self/exe, or a script that begins with `#!/proc/self/exe`. Whoever execs
that shell from inside then runs itself, in the container, with the container's libraries, and its own file can be
opened through /proc/PID/exe and overwritten: CVE-2019-5736. So the helper first execs this program, a static ELF of
about 260 bytes in a sealed memfd (memfd_create(2), fcntl(2) F_ADD_SEALS), and that execs the command. What
/proc/self/exe leads to is then those sealed bytes. Copying the whole interpreter into a memfd, which `reexec` does
where there are no instructions for the machine, takes the helper as long again as starting.

The program, called with argv = path, argv[0], argv[1], ..:
    fcntl(3, F_SETFD, FD_CLOEXEC)       the status pipe closes if the exec works
    exit_group(127) where that fails    it has worked: this is the container's /proc/self/exe, and would go on for ever
    execve(path, argv + 1, envp)
    write(3, &errno, 4)                 little-endian, as int
    exit_group(127)
"""

import os
import struct
import sys

from nsview import linux

STATUS_FD = 3

# Intel syntax; a system call's number is in rax, its arguments in rdi, rsi, rdx.
_X86_64 = bytes.fromhex(
    "b848000000"  # mov eax, 72                 fcntl
    "bf03000000"  # mov edi, 3
    "be02000000"  # mov esi, 2                  F_SETFD
    "ba01000000"  # mov edx, 1                  FD_CLOEXEC
    "0f05"  # syscall
    "85c0"  # test eax, eax
    "7831"  # js exit
    "488b1c24"  # mov rbx, [rsp]                argc
    "488b7c2408"  # mov rdi, [rsp+8]            path
    "488d742410"  # lea rsi, [rsp+16]           argv + 1
    "488d54dc10"  # lea rdx, [rsp+rbx*8+16]     envp
    "b83b000000"  # mov eax, 59                 execve
    "0f05"  # syscall
    "f7d8"  # neg eax
    "50"  # push rax
    "b801000000"  # mov eax, 1                  write
    "bf03000000"  # mov edi, 3
    "4889e6"  # mov rsi, rsp
    "ba04000000"  # mov edx, 4
    "0f05"  # syscall
    "b8e7000000"  # exit: mov eax, 231          exit_group
    "bf7f000000"  # mov edi, 127
    "0f05"  # syscall
)

# A system call's number is in x8, its arguments in x0, x1, x2. Instructions are little-endian words.
_AARCH64 = struct.pack(
    "<22I",
    0xD2800328,  # mov x8, #25                  fcntl
    0xD2800060,  # mov x0, #3
    0xD2800041,  # mov x1, #2                   F_SETFD
    0xD2800022,  # mov x2, #1                   FD_CLOEXEC
    0xD4000001,  # svc #0
    0x37F801C0,  # tbnz w0, #31, exit
    0xF94003E3,  # ldr x3, [sp]                 argc
    0xF94007E0,  # ldr x0, [sp, #8]             path
    0x910043E1,  # add x1, sp, #16              argv + 1
    0x8B030C22,  # add x2, x1, x3, lsl #3       envp
    0xD2801BA8,  # mov x8, #221                 execve
    0xD4000001,  # svc #0
    0x4B0003E0,  # neg w0, w0
    0xB81F0FE0,  # str w0, [sp, #-16]!
    0xD2800808,  # mov x8, #64                  write
    0xD2800060,  # mov x0, #3
    0x910003E1,  # mov x1, sp
    0xD2800082,  # mov x2, #4
    0xD4000001,  # svc #0
    0xD2800BC8,  # exit: mov x8, #94            exit_group
    0xD2800FE0,  # mov x0, #127
    0xD4000001,  # svc #0
)

_MACHINES = {"x86_64": (62, _X86_64), "aarch64": (183, _AARCH64)}  # ELF e_machine, code


def image(machine: str | None = None) -> bytes | None:
    """The program as an ELF file for a machine (uname -m, by default this one); None where there is none."""
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


def sealed(content: bytes, name: str) -> int:
    """A file descriptor of an executable in memory that nobody can change any more, closed on exec."""
    fd = linux.executable_memfd(name)
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]
    linux.seal(fd)
    return fd


def is_sealed() -> bool:
    """This interpreter is such a copy as `reexec` makes, and needs no program to make the last exec for it."""
    return sys.argv[-1] == "sealed"


def reexec() -> None:
    """Go on as a sealed copy of this interpreter, with `sealed` as a last argument: for machines without `image`, and
    where the last exec may not be made from memory."""
    with open("/proc/self/exe", "rb") as file:
        fd = sealed(file.read(), "nsview-python")
    linux.execveat(fd, [os.fsencode(argument) for argument in (*sys.orig_argv, "sealed")], _environment())


def _environment() -> list[bytes]:
    return [name + b"=" + value for name, value in os.environb.items()]
