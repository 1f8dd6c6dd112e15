"""A host that is reached by the user's own ssh, and by any other command: nothing is installed there, nothing is left.

The user's own ~/.ssh has all that is known of the host; root is who the agent is there, and this machine is the host,
so that root's own nsview tells the same of it.
"""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsview.hosts import HostError, bundle, link, place
from nsview.hosts.recording import demo
from nsview.hosts.remote import RemoteHost

from .account import Account
from .command import ENVIRONMENT, nsview, printed
from .conftest import require
from .daemons import Docker
from .sshd import Sshd
from .workspace import Workspace, wait_until

HERE = "env PATH=/usr/local/bin:/usr/bin:/bin"


@pytest.fixture(scope="module")
def web1(workspace: Workspace, account: Account) -> Iterator[Sshd]:
    require(*Sshd.NEEDS)
    host = Sshd(workspace, account, "web1")
    yield host
    host.stop()


@pytest.fixture
def usual(web1: Sshd) -> Iterator[Sshd]:
    """The same, with the user's files as they were afterwards."""
    yield web1
    web1.write_config()
    web1.know()


def refused(host: Sshd, *arguments: str, code: int = 4) -> str:
    """The one line on stderr of a command that could not be done."""
    began = time.monotonic()
    done = host.nsview(*arguments)
    assert time.monotonic() - began < link.PATIENCE + 20
    assert done.returncode == code, done
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1 and done.stderr.rstrip("\n").isprintable(), done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.removeprefix("nsview: ").rstrip("\n")


# -- all that nsview tells of this machine it tells of another ------------------------------------


def test_containers_are_told_as_root_tells_them_there(web1: Sshd, docker: Docker) -> None:
    docker.container("far")
    try:
        before = printed("list", "containers")["containers"]
        done = web1.nsview("list", "containers", "-H", "web1", "--json")
        assert done.returncode == 0, done.stderr
        there = json.loads(done.stdout)["containers"]
        here = [one for one in printed("list", "containers")["containers"] if one in before]
        assert "far" in {one["name"] for one in here}
        assert [one for one in here if one not in there] == []
    finally:
        docker.remove("far")


@pytest.mark.parametrize(
    "words",
    [
        ("list", "nets"), ("list", "use"), ("list", "processes"), ("list", "namespaces", "--holders"), ("inspect", "1"),
        ("compare", "1", "2"), ("list", "containers", "--all"), ("list", "use", "--all"), ("ps",),
    ],
)  # fmt: skip
def test_each_command_has_its_facts_from_there(web1: Sshd, words: tuple[str, ...]) -> None:
    done = web1.nsview(*words, "-H", "web1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    assert not done.stderr


def test_the_net_map_needs_no_pyroute2_there(web1: Sshd) -> None:
    before = set(os.listdir("/sys/class/net"))
    done = web1.nsview("list", "nets", "-H", "web1", "--json")
    after = set(os.listdir("/sys/class/net"))
    nets = json.loads(done.stdout)["nets"]
    (host,) = (net for net in nets if net["inode"] == os.stat("/proc/self/ns/net").st_ino)
    stay, told = before & after - {"bonding_masters"}, {one["name"] for one in host["interfaces"]}
    assert told & stay == stay and "lo" in stay and told <= before | after
    assert "pyroute2" not in done.stderr


def test_a_thread_there_is_its_process(web1: Sshd) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "import threading,time; threading.Thread(target=time.sleep, args=(60,)).start()"]
    ) as started:
        try:
            tasks = Path(f"/proc/{started.pid}/task")
            wait_until(lambda: len(os.listdir(tasks)) == 2, 10, "a second thread")
            (thread,) = {int(name) for name in os.listdir(tasks)} - {started.pid}
            done = web1.nsview("inspect", "-H", "web1", str(thread), "--json")
            assert json.loads(done.stdout)["pid"] == started.pid, done.stderr
        finally:
            started.kill()


def test_an_audit_there(web1: Sshd) -> None:
    done = web1.nsview("audit", "-H", "web1", "--json")
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout)["schema"] == 1


def test_a_recording_of_it(web1: Sshd) -> None:
    file = web1.account.home / "far.nsview"
    done = web1.nsview("record", "-H", "web1", str(file), "--seconds", "2")
    assert done.returncode == 0, done.stderr
    first = json.loads(gzip.decompress(file.read_bytes()).partition(b"\n")[0])
    assert first["host"]["uid"] == 0


def test_a_host_that_is_not_reached_leaves_no_recording(web1: Sshd) -> None:
    file = web1.account.home / "never"
    assert "Connection refused" in refused(web1, "record", "-H", "ssh://127.0.0.1:1", str(file))
    assert not file.exists()


def test_a_unit_records_it(web1: Sshd) -> None:
    done = web1.nsview("record", "--service", "-H", "web1", "--sudo")
    assert " record -H web1 --sudo --keep " in done.stdout


def test_a_log_there(web1: Sshd, docker: Docker) -> None:
    docker.container("far-log", command=("sh", "-c", "echo one; echo two; exec sleep 1000"))
    try:
        wait_until(lambda: "two" in web1.nsview("logs", "-H", "web1", "far-log").stdout, 20, "the log")
        assert web1.nsview("logs", "-H", "web1", "far-log", "--tail", "1").stdout == "two\n"
    finally:
        docker.remove("far-log")


def test_events_there_as_they_come(web1: Sshd, docker: Docker) -> None:
    words = [*web1.account.words, "setsid", "--wait", *web1.account.nsview()]
    with subprocess.Popen(
        [*words, "events", "--follow", "-H", "web1", "--filter", "far-event kind=started"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd="/",
    ) as following:  # fmt: skip
        assert following.stdout and following.stderr
        try:
            assert "following" in following.stderr.readline()
            docker.container("far-event")
            assert "TIME" in following.stdout.readline()
            assert "far-event" in following.stdout.readline()
        finally:
            docker.remove("far-event")
            os.kill(following.pid, signal.SIGKILL)
            for pid in web1.sessions():
                os.kill(pid, signal.SIGTERM)


def test_a_table_that_is_shown_again_and_again(web1: Sshd) -> None:
    words = [*web1.account.words, "setsid", "--wait", *web1.account.nsview()]
    with subprocess.Popen(
        [*words, "list", "processes", "--watch", "0.2", "-H", "web1", "--filter", "pid=1", "--no-headers"],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd="/",
    ) as watching:  # fmt: skip
        assert watching.stdout
        answers = [[*iter(watching.stdout.readline, "\n")] for _ in range(2)]
        for pid in web1.sessions():
            os.kill(pid, signal.SIGTERM)
        watching.kill()
    assert [answer[0].split()[:2] for answer in answers] == [["1", "0"]] * 2


def test_now_is_that_host_and_two_recordings_are_none(web1: Sshd) -> None:
    file = str(web1.account.home / "before")
    assert web1.nsview("record", "-H", "web1", file, "--seconds", "2").returncode == 0
    done = web1.nsview("diff", file, "now", "-H", "web1", "--json")
    assert done.returncode == 0 and json.loads(done.stdout), done.stderr
    assert "both of these are recordings" in refused(web1, "diff", file, file, "-H", "web1", code=2)


def test_two_hosts_are_asked_at_once(web1: Sshd, tmp_path: Path) -> None:
    """By a docker that begins neither before both are begun."""
    docker = tmp_path / "docker"
    docker.write_text(
        f"#!/bin/sh\nshift 2; touch {tmp_path}/$1\n"
        f'while ! [ -e {tmp_path}/one -a -e {tmp_path}/two ]; do sleep 0.05; done\nshift; exec "$@"\n'
    )
    docker.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = nsview("diff", "docker://one", "docker://two", "--json", env={**ENVIRONMENT, "PATH": path})
    assert done.returncode == 0 and json.loads(done.stdout)["schema"] == 1, done.stderr
    here = web1.nsview("diff", "ssh://web1", "now", "--json")
    assert here.returncode == 0 and json.loads(here.stdout)["schema"] == 1, here.stderr
    assert "Connection refused" in refused(web1, "diff", "ssh://web1", "ssh://127.0.0.1:1")
    assert "of two hosts" in nsview("diff", str(demo()), "now").stderr
    assert "both of these are hosts" in refused(web1, "diff", "ssh://web1", "ssh://web1", "-H", "web1", code=2)


def test_a_way_to_be_root_names_the_host(usual: Sshd) -> None:
    usual.write_config(user=usual.account.name)
    done = usual.nsview("list", "processes", "-H", "web1")
    assert "nsview --sudo list processes -H web1" in done.stderr


def test_the_demo_is_on_no_host(web1: Sshd) -> None:
    done = web1.nsview("-H", "web1", "list", "--from", "x")
    assert done.returncode == 2 and "give one of --from, -H and --via" in done.stderr


def test_no_process_is_left_there(web1: Sshd) -> None:
    assert web1.nsview("list", "-H", "web1").returncode == 0
    wait_until(lambda: not web1.left() and not web1.sessions(), 10, "the end of the agent there")


def test_nothing_is_written_there() -> None:
    """A root that is read-only is enough."""
    require("unshare", "mount")
    script = 'mount -o remount,bind,ro / && ! touch /tmp/nsview-written 2>/dev/null && exec "$@"'
    host = RemoteHost(place.via(f"unshare --mount sh -c '{script}' sh {HERE}"), asking=False)
    try:
        assert os.getpid() in host.first().processes
        assert host.nets().nets and host.security().complete
        holder = threading.Thread(target=lambda: [None for _ in host.lines()], daemon=True)
        holder.start()
        assert host.keep(b"bytes").startswith("/proc/")
    finally:
        host.stop()


# -- by any other command, and any Python ---------------------------------------------------------


def test_docker_s_own_exec(docker: Docker, workspace: Workspace) -> None:
    """A container of the host's files: it has a python3, and its own view is what is shown."""
    name = f"py-{os.getpid()}"
    docker.container(name, "-v", "/usr:/usr:ro", "-v", "/lib:/lib:ro", "-v", "/lib64:/lib64:ro")
    try:
        environment = {**os.environ, "DOCKER_HOST": f"unix://{docker.address}"}
        done = subprocess.run(
            [sys.executable, "-m", "nsview", "list", "processes", "-H", f"docker://{name}", "--json"],
            env=environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert {"sleep", "python3"} >= {one["comm"] for one in json.loads(done.stdout)["processes"]} >= {"sleep"}
    finally:
        docker.remove(name)


def test_any_command_that_runs_a_shell() -> None:
    host = RemoteHost(place.via("sh -c 'echo a banner; exec \"$@\"' sh " + HERE), asking=False)
    try:
        assert os.getpid() in host.first().processes
        assert host.nets().nets
    finally:
        host.stop()


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.12", "3.13"])
def test_another_python_gets_the_texts(version: str) -> None:
    found = sorted(Path("/").glob(f"root/.pyenv/versions/{version}.*/bin")) or sorted(Path("/opt").glob(f"*{version}*"))
    if not found:
        pytest.skip(f"no Python {version}")
    host = RemoteHost(place.via(f"env PATH={found[0]}:/usr/bin"), asking=False)
    try:
        assert os.getpid() in host.first().processes
        assert host.usage().host.processors == os.cpu_count()
        assert host.security().complete
    finally:
        host.stop()


@pytest.mark.parametrize("path", ["/nowhere", "/root/.pyenv/versions/3.6.15/bin:/usr/bin"])
def test_a_python_that_is_too_old_or_none_is_one_line(path: str) -> None:
    host = RemoteHost(place.via(f"env PATH={path}:/bin/nowhere"), asking=False)
    with pytest.raises(HostError, match=r"nsview needs 3\.8 or later"):
        host.first()
    host.stop()


# -- bad input ------------------------------------------------------------------------------------


def test_a_host_key_that_is_not_known_is_never_accepted(usual: Sshd) -> None:
    usual.know("")
    said = refused(usual, "list", "-H", "web1")
    assert said == "web1: its host key is not known: `ssh` to it once, and compare the key that it shows"
    assert usual.known.read_text() == ""


def test_a_host_key_that_has_changed(usual: Sshd) -> None:
    usual.know((usual.account.home / ".ssh/id.pub").read_text().strip())
    assert "its host key is not the known one" in refused(usual, "list", "-H", "web1")


def test_a_key_that_the_host_does_not_take(usual: Sshd) -> None:
    key = usual.account.home / ".ssh/id"
    key.rename(f"{key}.away")
    try:
        assert "Permission denied (publickey,password)" in refused(usual, "list", "-H", "web1")
    finally:
        Path(f"{key}.away").rename(key)


def test_an_account_without_a_shell(usual: Sshd) -> None:
    usual.write_config(user="nobody")
    assert refused(usual, "list", "-H", "web1") == "web1: This account is currently not available"


def test_a_password_that_is_wanted_without_a_terminal(usual: Sshd) -> None:
    usual.write_config("PubkeyAuthentication no", user=usual.account.name)
    assert "Permission denied (publickey,password)" in refused(usual, "list", "-H", "web1")


def test_nobody_listens(usual: Sshd) -> None:
    assert "Connection refused" in refused(usual, "list", "-H", "ssh://127.0.0.1:1")


def test_no_route(usual: Sshd) -> None:
    usual.write_config("ConnectTimeout 1", "ProxyCommand sleep 60")
    assert "web1: " in refused(usual, "list", "-H", "web1")


@pytest.mark.parametrize("where", ["-oProxyCommand=x", "", "a b", "ftp://x", "docker://", "docker://-x", "kubectl://"])
def test_a_place_that_is_none_is_wrong_usage(web1: Sshd, where: str) -> None:
    assert "-H" in refused(web1, "list", f"-H{where}" if where[:1] == "-" else f"--host={where}", code=2)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("yes", "y … is no agent's word"),
        ("cat /dev/zero", "64 MiB"),
        ("echo nsview-agent 0 x; yes", "not an agent of nsview"),
        ("echo nsview-agent 0 x; cat /dev/zero", "64 MiB"),
        ('printf "\\033]0;x\\007\\033[2J%070000d\\n" 1', "is no agent's word"),
        ("echo 'nsview-agent 0 x'; echo '{\"frame\":\"error\",\"text\":\"\\\\u001b[2J\"}'; sleep 9", "[2J"),
        ("printf '\\033[31mno\\033[0m\\n' >&2; exit 1", "no"),
        ("exit 0", "ended with exit code 0"),
    ],
)  # fmt: skip
def test_what_is_no_agent_is_one_line_and_little_memory(script: str, said: str) -> None:
    # Its own greatest size: getrusage(2) has that of the process that it was forked from, where that was greater.
    code = "import re,sys; from nsview.cli import main; code=main(); "
    code += (
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "list", "--via", f"sh -c {json.dumps(script).replace('$', chr(92) + '$')}"],
        capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    *lines, memory = done.stderr.splitlines()
    assert done.returncode == 4 and len(lines) == 1 and said in lines[0] and lines[0].isprintable(), done
    assert int(memory) < 400_000


def test_a_link_that_is_cut_in_mid_frame_is_made_again_once(web1: Sshd) -> None:
    told: list[str] = []
    host = RemoteHost(place.via(HERE), asking=False)
    host.on_restart = told.append
    try:
        host.first()
        os.kill(host._agent.pid, signal.SIGKILL)
        assert os.getpid() in host.first().processes
        assert "the link broke" in told[0]
        os.kill(host._agent.pid, signal.SIGKILL)
        with pytest.raises(HostError, match="the link broke"):
            for _ in host.read():
                pass
    finally:
        host.stop()


def test_a_link_that_is_silent_is_noticed_though_nothing_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "PATIENCE", 1.2)
    host = RemoteHost(place.via(HERE), asking=False)
    try:
        host.first()
        os.kill(host._agent.pid, signal.SIGSTOP)
        with pytest.raises(HostError, match="has not answered for"):
            for _ in host.read():
                pass
    finally:
        os.kill(host._agent.pid, signal.SIGCONT)
        host.stop()


def test_an_agent_that_hears_nothing_ends_by_itself() -> None:
    """Its reader may be gone without a word."""
    text = bundle.beginning("--lease=1")
    with subprocess.Popen(
        ["python3", "-I", "-S", "-c", bundle.FIRST_LINE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
    ) as agent:  # fmt: skip
        assert agent.stdin and agent.stdout
        agent.stdin.write(text)
        agent.stdin.flush()
        greeting = agent.stdout.readline()
        if greeting.split()[-1] != bundle.MAGIC:
            agent.stdin.write(bundle.rest(b""))
            agent.stdin.flush()
        assert b'{"frame":"snapshot"' in agent.stdout.read()  # up to its end
        assert agent.wait(60) == 0


def test_a_clock_that_is_an_hour_off_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time
    monkeypatch.setattr("nsview.hosts.remote.time.time", lambda: now() - 3600)
    host = RemoteHost(place.via(HERE), asking=False)
    try:
        assert "is 1 h 00 min ahead of this one" in host.first().host.notes[-1]
    finally:
        host.stop()
