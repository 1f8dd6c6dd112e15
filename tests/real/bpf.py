"""What a seccomp filter answers: the classic BPF of linux/filter.h that filters of libseccomp, runc and nsview use."""

import struct
from collections.abc import Iterable, Sequence

X86_64, I386, AARCH64 = 0xC000003E, 0x40000003, 0xC00000B7
ALLOW = 0x7FFF0000
_ARGUMENTS = 16  # offset in struct seccomp_data


class Program:
    def __init__(self, program: bytes) -> None:
        self._instructions = list(struct.iter_unpack("=HBBI", program))
        self.constants = {k for code, _, _, k in self._instructions if code & 7 == 5}  # BPF_JMP

    def verdict(self, architecture: int, number: int, arguments: Sequence[int] = (0,) * 6) -> tuple[int, bool]:
        """The verdict, and whether it was given by the arguments too."""
        data = struct.pack("=IIQ6Q", number, architecture, 0, *arguments)
        accumulator = index = 0
        memory = [0] * 16
        looked = False
        while True:
            code, if_true, if_false, k = self._instructions[index]
            index += 1
            match code:
                case 0x20:  # BPF_LD | BPF_W | BPF_ABS
                    accumulator = int.from_bytes(data[k : k + 4], "little")
                    looked = looked or k >= _ARGUMENTS
                case 0x00:  # BPF_LD | BPF_IMM
                    accumulator = k
                case 0x02:  # BPF_ST
                    memory[k] = accumulator
                case 0x60:  # BPF_LD | BPF_MEM
                    accumulator = memory[k]
                case 0x54:  # BPF_ALU | BPF_AND
                    accumulator &= k
                case 0x05:  # BPF_JMP | BPF_JA
                    index += k
                case 0x15:  # BPF_JEQ
                    index += if_true if accumulator == k else if_false
                case 0x25:  # BPF_JGT
                    index += if_true if accumulator > k else if_false
                case 0x35:  # BPF_JGE
                    index += if_true if accumulator >= k else if_false
                case 0x45:  # BPF_JSET
                    index += if_true if accumulator & k else if_false
                case 0x06:  # BPF_RET
                    return k, looked
                case _:
                    raise AssertionError(hex(code))


def differences(ours: bytes, theirs: bytes, arguments: Iterable[Sequence[int]]) -> tuple[list[str], set[int]]:
    """Where two filters give different verdicts, and all verdicts that they give.

    Of the numbers are taken those up to 600, and each that is a constant of either with its neighbours, for between
    these a verdict can't change. The arguments are tried where a verdict is given by them.
    """
    one, other = Program(ours), Program(theirs)
    borders = {k + n for k in one.constants | other.constants for n in (-1, 0, 1)} | set(range(601))
    numbers = {border & 0x3FFFFFFF | high << 30 for border in borders for high in range(4)}
    found, verdicts = [], set()
    for architecture in (X86_64, I386, AARCH64):
        for number in sorted(numbers):
            looked = one.verdict(architecture, number)[1] or other.verdict(architecture, number)[1]
            for vector in arguments if looked else ((0,) * 6,):
                verdict, expected = (each.verdict(architecture, number, vector)[0] for each in (one, other))
                verdicts.add(expected)
                if verdict != expected:
                    found.append(f"{architecture:#x} {number:#x} {vector}: {verdict:#x}, not {expected:#x}")
    return found, verdicts
