"""The filter made of a config.json says of every call what the one says that the runtime gave the container."""

import base64
import ctypes
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nsview.join import profile, seccomp
from nsview.join.target import Followed

from . import bpf
from .account import Account
from .conftest import require
from .daemons import CommandError, Containerd, Docker
from .runtimes import Oci, Podman, RootlessPodman
from .workspace import Workspace

_ERRNO, _ENOSYS = 0x00050000, 38
# What a runtime and a sleep of busybox need, so that a container with a profile of these lives.
_NEEDED = (
    "access arch_prctl brk capget capset chdir clock_gettime clock_nanosleep clone close dup dup2 dup3 epoll_create1 "
    "epoll_ctl epoll_pwait epoll_wait eventfd2 execve exit exit_group faccessat faccessat2 fchdir fchown fcntl fstat "
    "fstatfs futex getcwd getdents64 getegid geteuid getgid getgroups getpid getppid getrandom getrlimit gettid getuid "
    "getpgid ioctl kill lseek lstat madvise mkdirat mmap mprotect munmap nanosleep newfstatat open openat openat2 pipe "
    "pipe2 prctl pread64 prlimit64 read readlink readlinkat recvfrom recvmsg restart_syscall rseq rt_sigaction "
    "rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield seccomp sendmsg sendto set_robust_list set_tid_address "
    "setgid setgroups setuid sigaltstack stat statfs statx tgkill uname umask wait4 waitid write writev close_range"
).split()
# Of one architecture only, served by socketcall(2) or ipc(2) on another, or unknown to all.
_OTHERS = (
    "accept4 bind socket sendmmsg getsockopt send recv socketcall ipc shmget semtimedop msgctl _llseek vm86 mmap2 "
    "fcntl64 stat64 clone3 personality keyctl mount umount2 umount ptrace reboot kexec_load bpf time select _newselect "
    "pselect6 preadv process_vm_readv execveat sysinfo syslog swapon arm_fadvise64_64 spu_run s390_pci_mmio_read "
    "pidfd_open landlock_restrict_self open_tree setresuid32 chown32 clock_gettime64 timer_create vmsplice io_setup"
).split()
_OPERATORS = ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ")
_VALUES = (0, 1, 8, 0x7E020000, 0x80000000, 0xFFFFFFFF, 1 << 32, (1 << 32) + 8, (1 << 64) - 1, 0x20000)
_ARCHITECTURES = (None, [], ["X86_64"], ["X86"], ["X32"], ["X86_64", "X86", "X32"], ["X32", "X86_64"], ["X86", "X32"])
_ACTIONS = ("ALLOW", "ERRNO", "KILL", "KILL_THREAD", "KILL_PROCESS", "TRAP", "TRACE", "LOG")


def check(config: Path, pid: int, runtime: str = "runc") -> set[int]:
    """That the filter of a configuration is a process's own; its verdicts."""
    made = profile.compiled(str(config), runtime)
    (own,) = seccomp.filters(Followed(pid, None))
    found, verdicts = bpf.differences(made.program, own, list(vectors(json.loads(config.read_text()))))
    assert not found, (len(found), found[:20])
    return verdicts


def vectors(config: dict[str, Any]) -> Iterator[tuple[int, ...]]:
    """Arguments about those that a profile asks for: its values and their neighbours, each at each place."""
    rules = config["linux"]["seccomp"]["syscalls"]
    values = {a.get(key, 0) for rule in rules for a in rule.get("args") or () for key in ("value", "valueTwo")} | {0}
    near = sorted({(value + n) % (1 << 64) for value in values for n in (-1, 0, 1, 1 << 32)})
    choose = random.Random(1)
    for value, place in itertools.product(near, range(6)):
        vector = choose.choices(near, k=6)
        vector[place] = value
        yield tuple(vector)


def test_docker(docker: Docker, workspace: Workspace) -> None:
    pid = docker.container("p-docker")
    try:
        (config,) = workspace.root.glob(f"d/**/{docker.inspect('p-docker')['Id']}/config.json")
        assert {bpf.ALLOW, _ERRNO | 1, _ERRNO | _ENOSYS, 0} == check(config, pid)
    finally:
        docker.remove("p-docker")


def test_containerd(containerd: Containerd) -> None:
    id = f"p-containerd-{containerd.pid}"
    pid = containerd.container(id, "--seccomp")
    try:
        (config,) = containerd.state.glob(f"**/{id}/config.json")
        assert {bpf.ALLOW, _ERRNO | 1, 0} < check(config, pid)
    finally:
        containerd.remove(id)


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_podman(workspace: Workspace, rootfs: Path, runtime: str) -> None:
    require(*Podman.NEEDS)
    podman = Podman(workspace, rootfs, runtime)
    try:
        pid = podman.container("p-podman")
        config = podman.run("inspect", "--format", "{{.OCIConfigPath}}", "p-podman").strip()
        assert {bpf.ALLOW, _ERRNO | 1, 0} < check(Path(config), pid)
    finally:
        podman.clear()


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_a_users_podman(account: Account, rootfs: Path, runtime: str) -> None:
    require(*RootlessPodman.NEEDS)
    podman = RootlessPodman(account, rootfs, runtime)
    try:
        pid = podman.container("p-rootless")
        config = podman.run("inspect", "--format", "{{.OCIConfigPath}}", "p-rootless").strip()
        assert {bpf.ALLOW, _ERRNO | 1, 0} < check(Path(config), pid)
    finally:
        podman.clear()


@pytest.fixture(scope="module")
def by_hand(workspace: Workspace, rootfs: Path) -> Iterator[dict[str, Oci]]:
    require("runc", "crun", "busybox")
    runtimes = {name: Oci(workspace, rootfs, name) for name in ("runc", "crun")}
    yield runtimes
    for runtime in runtimes.values():
        runtime.clear()


def more_names() -> Iterator[str]:
    """Each call of x86_64 or i386 that is not needed."""
    library = ctypes.CDLL("libseccomp.so.2")
    name = library.seccomp_syscall_resolve_num_arch
    name.restype = ctypes.c_char_p
    found = (name(ctypes.c_uint32(of), number) for of in (bpf.X86_64, bpf.I386) for number in range(600))
    yield from sorted({each.decode() for each in found if each} - set(_NEEDED))


def random_profile(seed: int) -> dict[str, Any]:
    choose = random.Random(seed)
    default = choose.choice(_ACTIONS)

    def with_data(entry: dict[str, Any], action: str, key: str) -> dict[str, Any]:
        if action in ("ERRNO", "TRACE") and choose.random() < 0.7:
            entry[key] = choose.choice((0, 1, 13, 38, 4094))
        return entry

    made = with_data({"defaultAction": f"SCMP_ACT_{default}"}, default, "defaultErrnoRet")
    architectures = choose.choice(_ARCHITECTURES)
    if architectures is not None:
        made["architectures"] = [f"SCMP_ARCH_{name}" for name in architectures]
    needed = {"names": list(_NEEDED), "action": "SCMP_ACT_LOG" if choose.random() < 0.1 else "SCMP_ACT_ALLOW"}
    made["syscalls"] = [needed]
    denies = default not in ("ALLOW", "LOG", "TRACE")
    unknown = ["of_no_architecture"] if denies else []
    if choose.random() < 0.4:
        for name in more_names():
            made["syscalls"].append({"names": [name], "action": f"SCMP_ACT_{choose.choice(_ACTIONS)}"})
    for _ in range(20):
        action = choose.choice(_ACTIONS) if choose.random() < 0.5 else "ALLOW"
        names = choose.sample(_OTHERS, choose.choice((1, 1, 2, 6)))
        names += unknown if action == "ALLOW" else []
        rule = with_data({"names": names, "action": f"SCMP_ACT_{action}"}, action, "errnoRet")
        if choose.random() < 0.5:
            rule["args"] = [
                {
                    "index": choose.randrange(6), "op": f"SCMP_CMP_{choose.choice(_OPERATORS)}",
                    "value": choose.choice(_VALUES), "valueTwo": choose.choice(_VALUES),
                }
                for _ in range(choose.choice((0, 1, 1, 2, 3)))
            ]  # fmt: skip
        made["syscalls"].append(rule)
    return made


@pytest.mark.parametrize("runtime", ["runc", "crun"])
@pytest.mark.parametrize("seed", range(16))
def test_any(by_hand: dict[str, Oci], workspace: Workspace, runtime: str, seed: int) -> None:
    """Of a random profile, too; and one that the runtime does not take is not taken."""
    wanted = random_profile(seed)
    try:
        _, bundle, pid = by_hand[runtime].container(f"any-{seed}", seccomp=wanted)
    except CommandError as error:
        assert "seccomp" in str(error)
        with pytest.raises(ValueError):
            profile.compiled({"linux": {"seccomp": wanted}}, runtime)
    else:
        assert len(check(bundle / "config.json", pid, runtime)) > 1


_ENOUGH = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": _NEEDED, "action": "SCMP_ACT_ALLOW"}]}


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"defaultAction": "SCMP_ACT_KILL_ALL"}, "SCMP_ACT_KILL_ALL can't be given"),
        ({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4095}, "with defaultErrnoRet 4095 can't be given"),
        ({"syscalls": [{"names": ["open"], "action": "SCMP_ACT_ALLOW", "args": [{"op": "no"}]}]}, "as specified"),
        ({"syscalls": [{"names": ["open"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5000}]}, "errnoRet 5000"),
        ({"architectures": ["SCMP_ARCH_VAX"]}, "does not know the architecture SCMP_ARCH_VAX"),
        ({"architectures": ["SCMP_ARCH_S390"]}, "does not take AUDIT_ARCH 0x16"),
    ],
)
@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_what_no_runtime_makes(by_hand: dict[str, Oci], runtime: str, other: dict[str, Any], says: str) -> None:
    wanted = {**_ENOUGH, **other}
    with pytest.raises(CommandError):
        by_hand[runtime].container(f"not-{random.getrandbits(32):x}", seccomp=wanted)
    with pytest.raises(ValueError, match=says):
        profile.compiled({"linux": {"seccomp": wanted}}, runtime)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"syscalls": [{"names": ["open"], "action": "SCMP_ACT_NOTIFY"}]}, "SCMP_ACT_NOTIFY can't be given"),
        ({"flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]}, "can't be given from here"),
        ({"flags": ["SECCOMP_FILTER_FLAG_OF_TOMORROW"]}, "OF_TOMORROW can't be given from here"),
        (
            {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["of_tomorrow"], "action": "SCMP_ACT_KILL"}]},
            "does not know the call of_tomorrow",
        ),
    ],
)
def test_what_only_the_runtime_makes(other: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        profile.compiled({"linux": {"seccomp": {**_ENOUGH, **other}}})


def test_flags() -> None:
    def given(runtime: str, **more: Any) -> int:
        return profile.compiled({"linux": {"seccomp": {**_ENOUGH, **more}}}, runtime).flags

    assert (given("runc"), given("crun"), given("crun", flags=[])) == (0, 4, 0)
    flags = [f"SECCOMP_FILTER_FLAG_{name}" for name in ("LOG", "SPEC_ALLOW", "TSYNC")]
    assert given("runc", flags=flags) == given("crun", flags=flags) == 2 | 4


def test_a_program_that_crun_is_given(by_hand: dict[str, Oci], workspace: Workspace) -> None:
    """Instead of the profile, by an annotation."""
    program = profile.compiled({"linux": {"seccomp": {**_ENOUGH, "defaultErrnoRet": 77}}}, "crun").program
    annotations = {"run.oci.seccomp_bpf_data": base64.b64encode(program).decode()}
    _, bundle, pid = by_hand["crun"].container("given", seccomp=_ENOUGH, annotations=annotations)
    assert profile.compiled(str(bundle / "config.json"), "crun").program == program
    assert seccomp.filters(Followed(pid, None)) == [program]
