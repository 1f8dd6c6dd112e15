"""A shell inside is confined as the process is that it follows: by its profile of AppArmor, where the host has that.

Few machines that run tests have it, so tests/kernels/run runs these on a kernel that does:
  LSM=apparmor tests/kernels/run -q tests/real/test_lsm.py
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsview.hosts.local import LocalHost
from nsview.model.records import Details, Label

from .command import nsview
from .workspace import Workspace, wait_until

_SECURITYFS = Path("/sys/kernel/security/apparmor")
_PROFILE = """
profile %s flags=(attach_disconnected) {
  file,
  capability,
  mount,
  signal,
  ptrace,
  unix,
  network,
  deny %s/secret r,
}
"""


def has_apparmor() -> bool:
    return _SECURITYFS.is_dir()


@pytest.fixture
def confined(workspace: Workspace) -> Iterator[tuple[int, str]]:
    """(pid, profile) of a process in a mount namespace of its own, confined where the host can confine it."""
    name = f"nsview-test-{os.getpid()}"
    (workspace.root / "secret").write_text("told\n")
    command = ["unshare", "--mount", "/bin/sleep", "9999"]
    if has_apparmor():
        profile = _PROFILE % (name, workspace.root)
        loader = shutil.which("apparmor_parser", path="/usr/sbin:/sbin:/usr/bin")
        assert loader, "apparmor is not installed"
        subprocess.run([loader, "--replace", "--skip-cache"], input=profile, text=True, check=True)
        command = ["aa-exec", "-p", name, "--", *command]
    process = subprocess.Popen(command, env=workspace.environment)
    wait_until(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n", 10, "the process")
    yield process.pid, name
    process.kill()
    process.wait()


def details(pid: int) -> Details:
    host = LocalHost()
    try:
        found = host.details(host.first().processes[pid])
    finally:
        host.stop()
    assert found is not None
    return found


def test_what_confines_a_process_is_read(confined: tuple[int, str]) -> None:
    pid, name = confined
    label = details(pid).label
    if not has_apparmor():
        assert label is None or label.module == "selinux"
        return
    assert label == Label("apparmor", name)


def test_a_command_inside_is_confined_as_the_process_is(confined: tuple[int, str], workspace: Workspace) -> None:
    pid, name = confined
    secret = str(workspace.root / "secret")
    words = f"cat /proc/self/attr/current 2>/dev/null; cat {secret}"
    as_it = nsview("enter", str(pid), "--mnt", "--", "sh", "-c", words)
    as_host = nsview("enter", str(pid), "--mnt", "--host-privileges", "--", "sh", "-c", words)
    assert as_host.stdout.endswith("told\n"), as_host.stderr
    assert name not in as_host.stdout
    if not has_apparmor():
        assert as_it.stdout.endswith("told\n"), as_it.stderr
        return
    assert as_it.stdout == f"{name} (enforce)\n"
    assert "Permission denied" in as_it.stderr


def test_the_plan_says_so(confined: tuple[int, str]) -> None:
    pid, name = confined
    plan = nsview("enter", str(pid), "--mnt", "--dry-run").stdout
    assert (f"AppArmor's profile {name}" in plan) == has_apparmor()
