"""Outputs about a real host, and a recording of it, are as the documented JSON schemas say."""

import gzip
import json
import os
import subprocess
from pathlib import Path

from tests.unit.schemas import differences

from .command import ENVIRONMENT, NSVIEW, nsview, printed
from .daemons import Docker


def test_each_output_is_as_its_schema_says(docker: Docker, tmp_path: Path) -> None:
    pid = docker.container("schema-a", "--cap-add=SYS_ADMIN")
    docker.container("schema-b", "--network=host")
    recording, later = tmp_path / "recording", tmp_path / "later"
    try:
        done = nsview("record", "--seconds", "2", str(recording))
        assert done.returncode == 0, done.stderr
        busy = subprocess.Popen([*NSVIEW, "record", "--keep", "1h", "--seconds", "8", str(later)], env=ENVIRONMENT)
        for number in range(4):  # of which one ends by itself, one is paused
            docker.container(f"schema-c{number}", command=("sleep", "1" if number == 3 else "1000"))
        docker.run("pause", "schema-c0")
        assert busy.wait(60) == 0
        net = os.stat(f"/proc/{pid}/ns/net").st_ino
        for name, command in (
            ("list", "list"), ("list", "list --holders"), ("nets", "list nets"), ("use", "list use"),
            ("inspect", "inspect schema-a"), ("inspect", f"inspect {pid}"), ("inspect", f"inspect net:{net}"),
            ("compare", "compare schema-a schema-b"), ("diff", f"diff {recording} now"),
        ):  # fmt: skip
            assert list(differences(name, printed(*command.split()))) == [], command
        audit = json.loads(nsview("audit", "--json").stdout)
        assert audit["findings"] and list(differences("audit", audit)) == []
        for words in ([], ["--from", str(later)]):
            lines = [*map(json.loads, nsview("events", "--json", *words).stdout.splitlines())]
            assert lines and list(differences("events", *lines)) == []
        assert {"started", "stopped", "paused", "born", "gone"} <= {line["kind"] for line in lines}
    finally:
        docker.run("unpause", "schema-c0", check=False)
        for name in ("a", "b", *(f"c{number}" for number in range(4))):
            docker.run("rm", "--force", f"schema-{name}", check=False)
    for file in (recording, later):
        lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
        assert {"hello", "snapshot", "security", "net", "usage"} <= {line["frame"] for line in lines}
        assert list(differences("recording", *lines)) == []
    assert {"delta", "ended"} <= {line["frame"] for line in lines}
