"""A shell inside is confined as the process is that it follows: by its profile of AppArmor or its context of SELinux,
where the host has one of them.

Few machines that run tests do, so tests/kernels/run runs these on kernels that have:
  LSM=apparmor tests/kernels/run -q tests/real/test_lsm.py
  LSM=selinux tests/kernels/run -q tests/real/test_lsm.py
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from nsview.hosts.local import LocalHost
from nsview.model.records import Details, Label

from .command import nsview
from .workspace import Workspace, wait_until

_APPARMOR, _SELINUX = Path("/sys/kernel/security/apparmor"), Path("/sys/fs/selinux")
_PROFILE = """
profile %s flags=(attach_disconnected) {
  file,
  capability,
  mount,
  signal,
  ptrace,
  unix,
  network,
  deny %s/kept w,
}
"""
_POLICY = Path(__file__).resolve().parent.parent / "kernels" / "selinux.cil"


class Confined(NamedTuple):
    """A process in a mount namespace of its own, confined where the host can confine: it may not write `kept`.

    shown: what attr/current says of it.
    """

    pid: int
    label: Label | None
    shown: str
    kept: Path


@pytest.fixture
def confined(workspace: Workspace) -> Iterator[Confined]:
    kept = workspace.root / "kept"
    kept.write_text("")
    label, shown, prefix = None, "", []
    if _APPARMOR.is_dir():
        label = Label("apparmor", f"nsview-test-{os.getpid()}")
        shown = f"{label.text} (enforce)"
        subprocess.run(
            [_program("apparmor_parser"), "--replace", "--skip-cache"],
            input=_PROFILE % (label.text, workspace.root),
            text=True,
            check=True,
        )
        prefix = ["aa-exec", "-p", label.text, "--"]
    elif _SELINUX.is_dir():
        label = Label("selinux", shown := "u:r:confined_t")
        _load_policy(workspace)
        prefix = ["sh", "-c", f'echo -n {label.text} > /proc/self/attr/exec; exec "$@"', "sh"]
    process = subprocess.Popen([*prefix, "unshare", "--mount", "/bin/sleep", "9999"], env=workspace.environment)
    wait_until(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n", 10, "the process")
    yield Confined(process.pid, label, shown, kept)
    process.kill()
    process.wait()


def _program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin")
    assert found, f"{name} is not installed"
    return found


def _load_policy(workspace: Workspace) -> None:
    """Load and enforce a policy where none is loaded yet."""
    if not (_SELINUX / "load").exists():
        subprocess.run(["mount", "-t", "selinuxfs", "selinuxfs", _SELINUX], check=True)
    if Path("/proc/self/attr/current").read_text().strip("\0\n") == "kernel":
        policy = workspace.root / "policy"
        subprocess.run(
            [_program("secilc"), "-c", "33", "-o", policy, "-f", os.devnull, _POLICY],
            check=True,
        )
        (_SELINUX / "load").write_bytes(policy.read_bytes())
        (_SELINUX / "enforce").write_text("1")


def details(pid: int) -> Details:
    host = LocalHost()
    try:
        found = host.details(host.first().processes[pid])
    finally:
        host.stop()
    assert found is not None
    return found


def test_what_confines_a_process_is_read(confined: Confined) -> None:
    assert details(confined.pid).label == confined.label


def test_a_command_inside_is_confined_as_the_process_is(confined: Confined) -> None:
    words = f"cat /proc/self/attr/current 2>/dev/null; echo; echo written > {confined.kept}"
    as_host = nsview("enter", str(confined.pid), "--mnt", "--host-privileges", "--", "sh", "-c", words)
    assert confined.kept.read_text() == "written\n", as_host.stderr
    confined.kept.write_text("")
    as_it = nsview("enter", str(confined.pid), "--mnt", "--", "sh", "-c", words)
    if confined.label is None:
        assert confined.kept.read_text() == "written\n", as_it.stderr
        return
    assert as_it.stdout.strip("\0\n ") == confined.shown, as_it.stderr
    assert as_host.stdout.strip("\0\n ") != confined.shown
    assert "Permission denied" in as_it.stderr
    assert confined.kept.read_text() == ""


def test_the_plan_says_so(confined: Confined) -> None:
    plan = nsview("enter", str(confined.pid), "--mnt", "--dry-run").stdout
    said = ("AppArmor's profile", "SELinux's context")
    expected = [word for word in said if confined.label and word.lower().startswith(confined.label.module)]
    assert [word for word in said if word in plan] == expected
    assert confined.label is None or confined.label.text in plan
