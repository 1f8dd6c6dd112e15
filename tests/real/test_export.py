"""`nsview export --prometheus` says in numbers what `nsview list` and `nsview audit` print."""

import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nsview.hosts.recording import demo

from .command import ENVIRONMENT, NSVIEW, nsview, printed
from .daemons import Docker

EXPORT = ("export", "--prometheus")


def parsed(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """{metric: {the values of its labels, in order of their names: number}}."""
    return {
        family.name: {tuple(value for _, value in sorted(one.labels.items())): one.value for one in family.samples}
        for family in text_string_to_metric_families(text)
    }


def exported(*arguments: str) -> dict[str, dict[tuple[str, ...], float]]:
    done = nsview(*EXPORT, *arguments)
    assert done.returncode == 0, done.stderr
    return parsed(done.stdout)


def seen(found: dict[str, dict[tuple[str, ...], float]]) -> Any:
    """The numbers that `listed` has too."""
    namespaces = {kind: number for (kind,), number in found["nsview_namespaces"].items() if number}
    return found["nsview_containers"], namespaces


def listed(*arguments: str) -> Any:
    """The same, of `nsview list --json`, in the order of the labels' names."""
    found = printed("list", *arguments)
    sorts = Counter((one["role"], one["runtime"], one["state"] or "unknown") for one in found["containers"])
    return sorts, Counter(one["type"] for one in found["namespaces"])


@pytest.fixture
def shared(docker: Docker) -> Iterator[str]:
    """Two containers in one net namespace, and one in the host's; the key of the first."""
    docker.container("x-one")
    docker.container("x-two", "--network", "container:x-one")
    docker.container("x-host", "--network", "host")
    docker.run("pause", "x-two")
    yield f"docker:{docker.inspect('x-one')['Id']}"
    docker.run("unpause", "x-two", check=False)
    for name in ("x-one", "x-two", "x-host"):
        docker.remove(name)


def test_the_numbers_are_those_that_list_counts(shared: str) -> None:
    for _ in range(20):  # the machine may run more than the suite's, which come and go
        before, found, after = listed("--holders"), exported(), listed("--holders")
        if seen(found) == before == after:
            break
    assert seen(found) == before == after
    assert found["nsview_containers"]["container", "docker", "paused"] >= 1
    assert found["nsview_shared_namespaces"]["2", "net"] >= 1
    assert found["nsview_containers_in_host_namespace"]["net",] >= 1
    assert found["nsview_audit_findings"]["host-net", "medium"] >= 1


def test_a_recording_in_numbers() -> None:
    place = str(demo())
    found = exported("--from", place)
    listing = printed("list", "--from", place)
    assert seen(found) == listed("--from", place)
    assert found["nsview_processes"] == {(): len(listing["processes"])}
    report = json.loads(nsview("audit", "--json", "--from", place).stdout)
    by_rule = Counter((one["rule"], one["severity"]) for one in report["findings"])
    assert by_rule and {key: n for key, n in found["nsview_audit_findings"].items() if n} == by_rule
    assert found["nsview_audit_unchecked"] == {(): len(report["unchecked"])}


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / "nsview.prom"
    done = nsview(*EXPORT, "--from", str(demo()), "--output", str(place))
    assert (done.returncode, done.stdout) == (0, "")
    assert parsed(place.read_text()) == exported("--from", str(demo()))
    assert os.listdir(tmp_path) == ["nsview.prom"]
    before = place.stat()
    assert nsview(*EXPORT, "--from", str(tmp_path / "none"), "--output", str(place)).returncode == 4
    assert place.stat() == before
    done = nsview(*EXPORT, "--from", str(demo()), "--output", str(tmp_path / "none" / "nsview.prom"))
    assert done.returncode == 4 and done.stderr.count("\n") == 1 and "No such file" in done.stderr


@pytest.fixture
def server() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of an export that listens, and its process."""
    words = (*NSVIEW, *EXPORT, "--listen", ":0")
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        assert process.stderr
        said = next(line for line in process.stderr if "http://" in line)
        try:
            yield said.split()[1].removesuffix(";"), process
        finally:
            process.kill()


def test_it_answers_this_host_alone_until_it_is_ended(server: tuple[str, "subprocess.Popen[str]"]) -> None:
    url, process = server
    assert url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(url) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        found = parsed(answer.read().decode())
    assert found["nsview_info"] and found["nsview_namespaces"]["net",] >= 1
    port = int(url.rpartition(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port)) as rude:
        rude.sendall(b"GET /metrics HTTP/1.1\r\n\x00garbage\r\n\r\n")
    with urllib.request.urlopen(url) as answer:  # it is still there
        assert answer.status == 200
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert process.stderr and "Traceback" not in process.stderr.read()


def test_an_address_that_is_taken_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = nsview(*EXPORT, "--from", str(demo()), "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1 and "in use; give another address" in done.stderr


@pytest.mark.parametrize(
    "words", [["export"], [*EXPORT, "--listen", "here"], [*EXPORT, "--listen", ":1", "--output", "x"]]
)
def test_wrong_usage_is_one_line(words: list[str]) -> None:
    done = nsview(*words)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
