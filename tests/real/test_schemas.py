"""Outputs about a real host, and a recording of it, are as the documented JSON schemas say."""

import gzip
import json
import os
from pathlib import Path

from tests.unit.schemas import differences

from .command import nsview, printed
from .daemons import Docker


def test_each_output_is_as_its_schema_says(docker: Docker, tmp_path: Path) -> None:
    pid = docker.container("schema-a", "--cap-add=SYS_ADMIN")
    docker.container("schema-b", "--network=host")
    recording = tmp_path / "recording"
    try:
        done = nsview("record", "--seconds", "2", str(recording))
        assert done.returncode == 0, done.stderr
        net = os.stat(f"/proc/{pid}/ns/net").st_ino
        for name, command in (
            ("list", "list"), ("list", "list --holders"), ("nets", "list nets"), ("use", "list use"),
            ("inspect", "inspect schema-a"), ("inspect", f"inspect {pid}"), ("inspect", f"inspect net:{net}"),
            ("compare", "compare schema-a schema-b"), ("diff", f"diff {recording} now"),
        ):  # fmt: skip
            assert list(differences(name, printed(*command.split()))) == [], command
        audit = json.loads(nsview("audit", "--json").stdout)
        assert audit["findings"] and list(differences("audit", audit)) == []
    finally:
        docker.remove("schema-a")
        docker.remove("schema-b")
    lines = [json.loads(line) for line in gzip.decompress(recording.read_bytes()).splitlines()]
    assert {"hello", "snapshot", "security", "net", "usage"} <= {line["frame"] for line in lines}
    assert list(differences("recording", *lines)) == []
