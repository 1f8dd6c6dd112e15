"""The completions in real shells, on a real container: what TAB makes of a line."""

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.share import SHARE

from .conftest import require
from .daemons import Docker
from .test_terminal import Terminal
from .workspace import Workspace

NAME = f"tab-{os.getpid()}"
_ZSH = f"fpath=({SHARE}/zsh/site-functions $fpath); autoload -U compinit; compinit -u -D; PS1='ready> '\n"
_FISH = "function fish_prompt; echo -n 'ready> '; end; function fish_greeting; end\n"
_BASH = f"source {SHARE}/bash-completion/completions/nsview; PS1='ready> '\n"


@pytest.fixture(params=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest, workspace: Workspace, tmp_path: Path) -> Iterator[Terminal]:
    """An interactive shell with the completion as a wheel installs it, and with nsview on its PATH."""
    require("tmux", request.param)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "nsview"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m nsview "$@"\n')
    program.chmod(0o755)
    (tmp_path / ".zshrc").write_text(_ZSH)
    (tmp_path / "fish").mkdir()
    (tmp_path / "fish" / "config.fish").write_text(_FISH)
    (tmp_path / "bashrc").write_text(_BASH)
    data = f"{SHARE}:/usr/local/share:/usr/share"
    settings = [f"PATH={program.parent}:{os.environ['PATH']}", f"HOME={tmp_path}", f"ZDOTDIR={tmp_path}"]
    settings += [f"XDG_CONFIG_HOME={tmp_path}", f"XDG_DATA_DIRS={data}", f"PYTHONPATH={SHARE.parent}"]
    words = {"bash": ["bash", "--rcfile", str(tmp_path / "bashrc"), "-i"]}.get(request.param, [request.param, "-i"])
    opened = Terminal(workspace, 120, 30, ["env", *settings, *words])
    try:
        opened.shows("ready>")
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="module", autouse=True)
def named(docker: Docker) -> Iterator[None]:
    docker.container(NAME)
    yield
    docker.remove(NAME)


def test_a_command_and_a_container_are_completed(shell: Terminal) -> None:
    shell.type("nsview insp\t")
    shell.shows("nsview inspect")
    shell.type(f"{NAME[:6]}\t")
    shell.shows(f"nsview inspect {NAME}")


def test_a_container_is_completed_behind_options(shell: Terminal) -> None:
    shell.type(f"nsview exec -it -u root {NAME[:6]}\t")
    shell.shows(f"nsview exec -it -u root {NAME}")


def test_words_that_an_option_takes_are_completed(shell: Terminal) -> None:
    shell.type("nsview list conta\t")
    shell.shows("nsview list containers")
    shell.type(" --type cg\t")
    shell.shows("--type cgroup")
    shell.type(" -o wi\t")
    shell.shows("-o wide")


def test_a_recording_is_completed_by_its_path(shell: Terminal, tmp_path: Path) -> None:
    (tmp_path / "host.jsonl").touch()
    shell.type(f"nsview --from {tmp_path}/hos\t")
    shell.shows("host.jsonl")
