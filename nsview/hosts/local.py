"""The host that nsview runs on: the agent as a child process of ours, as root through sudo if asked for.

The agent is started before Textual is imported, so that its first snapshot is there when the screen is ready.
"""

import importlib.util
import os
import subprocess

from . import spawn
from .live import LiveHost


class LocalHost(LiveHost):
    """The running agent of this machine."""

    here = True
    name = "this host"

    def __init__(
        self, *, elevated: bool = False, once: bool = False, agent: "subprocess.Popen[bytes] | None" = None
    ) -> None:
        """Start an agent. elevated: as root; once: for one snapshot; agent: one started already, else None."""
        started = agent or spawn.agent(*(["--once"] if once else []), elevated=elevated)
        super().__init__(started, elevated=elevated)

    @property
    def packages(self) -> str | None:
        """The directory of pyroute2, None if it is not installed."""
        found = importlib.util.find_spec("pyroute2")
        return os.path.dirname(os.path.dirname(found.origin)) if found and found.origin else None

    def start(self) -> "subprocess.Popen[bytes]":
        return spawn.agent(elevated=self.elevated, asking=False)

    def again(self) -> "LocalHost":
        return LocalHost()

    def as_root(self) -> "LocalHost":
        return LocalHost(elevated=True)

    def thread_group(self, number: str) -> int | None:
        from nsview.agent import procfs

        pid = procfs.thread_group(number)
        return None if pid is None or str(pid) == number else pid
