"""The manifests of deploy/: privileges as the code says that they are needed, tried by docker with equal flags."""

import json
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from nsview.agent import limitations
from nsview.arguments import parse
from nsview.cli.record import _UNIT
from nsview.model.audit import RULES

from .conftest import require
from .daemons import SLEEP, Docker
from .test_export import parsed
from .test_hostfiles import Pod, on_host
from .user import User
from .workspace import Workspace, wait_until

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
_MANIFEST = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
_SPECS = {one["kind"]: one["spec"].get("template", one)["spec"] for one in _MANIFEST if "spec" in one}
_UNIT_CAPABILITIES = {
    word.removeprefix("CAP_")
    for line in _UNIT.splitlines() if line.startswith("CapabilityBoundingSet=")
    for word in line.partition("=")[2].split()
}  # fmt: skip


def security(kind: str) -> Any:
    (container,) = _SPECS[kind]["containers"]
    return container["securityContext"]


def flags(kind: str, without: str = "") -> list[str]:
    """The words of `docker run` for the securityContext of a manifest, without a capability."""
    told = dict(security(kind))
    assert _SPECS[kind]["hostPID"] and told.pop("appArmorProfile") == {"type": "Unconfined"}  # by Pod itself
    assert told.pop("seccompProfile") == {"type": "RuntimeDefault"}  # docker's default
    assert told.pop("readOnlyRootFilesystem") is True
    capabilities = told.pop("capabilities")
    words = [f"--user={told.pop('runAsUser')}", "--read-only"]
    words += [] if told.pop("allowPrivilegeEscalation") else ["--security-opt=no-new-privileges"]
    assert not told, "all of it is tried"
    words += [f"--cap-drop={name}" for name in capabilities.get("drop", ())]
    return words + [f"--cap-add={name}" for name in capabilities["add"] if name != without]


@pytest.mark.parametrize("kind", ["DaemonSet", "Pod"])
def test_a_manifest_gives_the_capabilities_that_are_needed_and_no_more(kind: str) -> None:
    added = set(security(kind)["capabilities"]["add"])
    assert added == _UNIT_CAPABILITIES - {"SYS_CHROOT"}  # which only `nsview enter` takes, and a pod has by default
    remedy = limitations._remedy(["SYS_PTRACE", "SYS_ADMIN"])
    assert (
        all(f"--cap-add={name}" in remedy for name in ("SYS_PTRACE", "SYS_ADMIN"))
        and {"SYS_PTRACE", "SYS_ADMIN"} < added
    )
    assert security("DaemonSet")["capabilities"]["drop"] == ["ALL"]
    text = (DEPLOY / "kubernetes.yaml").read_text()
    assert [line for line in text.splitlines() if line.strip(" -").split(" ")[0] in added and "# to " not in line] == []


def test_the_playbooks_unit_has_them_too() -> None:
    text = (DEPLOY / "ansible.yaml").read_text()
    (line,) = (line for line in text.splitlines() if "CapabilityBoundingSet=" in line)
    assert {word.removeprefix("CAP_") for word in line.partition("=")[2].split()} == _UNIT_CAPABILITIES


def test_the_playbooks_units_are_such_as_systemd_takes_and_name_a_command_of_nsviews(tmp_path: Path) -> None:
    require("systemd-analyze")
    (play,) = yaml.safe_load((DEPLOY / "ansible.yaml").read_text())
    copies = [task["ansible.builtin.copy"] for task in play["tasks"] if "ansible.builtin.copy" in task]
    (program,) = (copy["dest"] for copy in copies if "src" in copy)
    (units,) = (task["loop"] for task in play["tasks"] if "loop" in task)
    for unit in units:
        text = unit["content"].replace(program, "/bin/true")
        for name, value in play["vars"].items():
            text = text.replace(f"{{{{ {name} }}}}", value)
        (tmp_path / unit["name"]).write_text(text)
        for line in unit["content"].splitlines():
            if line.startswith("ExecStart="):
                command, *words = line.partition("=")[2].replace("{{ textfiles }}", "/x").split()
                assert command == program and parse(words).command == "export"
    files = [tmp_path / unit["name"] for unit in units]
    verify = ["systemd-analyze", "verify", "--man=no", *map(str, files)]
    done = subprocess.run(verify, check=False, capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if any(file.name in line for file in files)] == []


@pytest.fixture(scope="module", params=["DaemonSet", "Pod"])
def pod(docker: Docker, user: User, workspace: Workspace, request: pytest.FixtureRequest) -> Iterator[Pod]:
    name = f"{workspace.root.name}-deployed"
    yield Pod(docker, user, name, *flags(request.param))
    docker.remove(name)


def seen(text: str) -> Any:
    """The parts of `nsview list --json` that a look a little later has too."""
    found = json.loads(text)
    return (
        {(one["type"], one["inode"], one["initial"], one["owner"], *one["names"]) for one in found["namespaces"]},
        {(one["key"], one["name"], one["image"], one["init_pid"], one["state"]) for one in found["containers"]},
        found["host"]["name"], found["host"]["privileged"], found["host"]["notes"],
    )  # fmt: skip


def test_the_list_there_is_the_hosts(pod: Pod, docker: Docker, user: User) -> None:
    """All that the host has before and after is there, and alike; others may come and go meanwhile."""
    docker.container("dp-web", "--hostname", "web")
    try:
        before, there, after = (
            run("list", "--json") for run in (partial(on_host, user), pod.nsview, partial(on_host, user))
        )
        assert there.returncode == 0, there.stderr
        assert "dp-web" in there.stdout
        *sets, name, privileged, notes = seen(there.stdout)
        for mine, one, other in zip(sets, seen(before.stdout), seen(after.stdout), strict=False):
            assert len(one & other) > 1 and one & other <= mine
        assert (name, privileged, notes) == seen(before.stdout)[2:]
    finally:
        docker.remove("dp-web")


def test_the_numbers_there_are_the_hosts(pod: Pod, user: User) -> None:
    here, there = (run("export", "--prometheus") for run in (partial(on_host, user), pod.nsview))
    assert there.returncode == 0, there.stderr
    one, other = parsed(here.stdout), parsed(there.stdout)
    assert one["nsview_info"] == other["nsview_info"] and one.keys() == other.keys()
    rules = {rule for rule, _ in other["nsview_audit_findings"]}
    assert rules == {rule for rule, _ in one["nsview_audit_findings"]} and rules <= set(RULES)


def test_the_pod_enters_what_it_shows(docker: Docker, user: User, workspace: Workspace) -> None:
    name = f"{workspace.root.name}-enters"
    pod = Pod(docker, user, name, *flags("Pod"))
    docker.container("dp-into", "--hostname", "into")
    try:
        done = pod.nsview("enter", "dp-into", "--", "hostname")
        assert (done.returncode, done.stdout) == (0, "into\n"), done.stderr
    finally:
        docker.remove("dp-into")
        docker.remove(name)


@pytest.mark.parametrize("lost", security("DaemonSet")["capabilities"]["add"])
def test_without_one_of_the_capabilities_less_is_seen(
    docker: Docker, user: User, workspace: Workspace, lost: str
) -> None:
    """For SYS_PTRACE and SYS_ADMIN a line says so; without the others some processes cannot be searched."""
    name = f"{workspace.root.name}-less"
    pod = Pod(docker, user, name, *flags("DaemonSet", without=lost))
    stranger = subprocess.Popen(["setpriv", "--reuid=1", "--regid=1", "--clear-groups", *SLEEP])
    try:
        wait_until(lambda: os.stat(f"/proc/{stranger.pid}").st_uid == 1, 20, "setpriv")
        found = json.loads(pod.nsview("list", "--holders", "--json").stdout)
        if lost in ("SYS_PTRACE", "SYS_ADMIN"):
            assert [note for note in found["host"]["notes"] if f"without CAP_{lost}" in note]
        else:
            whole = json.loads(on_host(user, "list", "--holders", "--json").stdout)["search"]["unreadable"]
            reason = {"NET_ADMIN": "EPERM", "DAC_READ_SEARCH": "EACCES"}[lost]
            assert found["search"]["unreadable"].get(reason, 0) > whole.get(reason, 0)
    finally:
        stranger.kill()
        stranger.wait()
        docker.remove(name)
