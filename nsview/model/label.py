"""The label of a group of processes that shares a namespace and is no container: a service, a sandbox, a snap.

The cgroup and the command line of the oldest member give the label. Any process may choose its command line, so a label
describes; it decides nothing. Its texts are as they were found: pass the result to `safe`.

Sources: systemd.unit(5) and its cgroups; snapd sandbox/cgroup (snap.NAME.APP-UUID.scope); flatpak common/flatpak-run.c
(app-flatpak-ID-N.scope); Chromium content/public/common/content_switches.cc (--type=), Firefox (-contentproc).
"""

import re

from .records import Namespace, Process
from .snapshot import Snapshot

_SNAP = re.compile(r"/snap\.(?P<name>[a-z0-9-]+)\.[^/]+(?:\.scope|\.service)(?=/|$)")
_FLATPAK = re.compile(r"/app-flatpak-(?P<name>[^/]+)-\d+\.scope(?=/|$)")
_SERVICE = re.compile(r"/(?P<name>[^/]+)\.service(?=/|$)")
_BROWSERS = ("chrome", "chromium", "firefox", "brave", "msedge", "opera", "vivaldi", "electron", "code", "slack")
_MAKERS = {"bwrap": "bubblewrap sandbox", "firejail": "firejail sandbox", "unshare": "unshare"}


def label(namespace: Namespace, snapshot: Snapshot) -> str | None:
    """The label of the group in a namespace, a word or two. None for the host's, for containers, and if unknown."""
    if namespace.initial:
        return None
    members = [snapshot.processes[pid] for pid in snapshot.members(namespace.type).get(namespace.inode, ())]
    if not members or any(process.container for process in members):
        return None
    return of_process(min(members, key=lambda process: (process.start, process.pid)), snapshot)


def of_process(process: Process, snapshot: Snapshot) -> str | None:
    """The label of the group that a process is part of. None if unknown."""
    if snapshot.partial:
        return None  # the process may be a container's
    if process.kthread:
        return "kernel"
    for kind, pattern in (("snap", _SNAP), ("flatpak", _FLATPAK)):
        match = pattern.search(process.cgroup)
        if match:
            return f"{kind} {match['name']}"
    if browser := _browser(process):
        return f"{browser} sandbox"
    # The maker of the namespace may be the process itself, before it executes another program, or its parent.
    for maker in (process, snapshot.processes.get(process.ppid)):
        if maker and (made := _MAKERS.get(_program(maker))):
            return made
    services = [match["name"] for match in _SERVICE.finditer(process.cgroup)]
    # user@1000.service contains all processes of a user, so it tells nothing.
    if services and not services[-1].startswith("user@"):
        return f"service {services[-1]}"
    return None


def _browser(process: Process) -> str | None:
    """The browser, or program built on one, of a sandboxed process. None if it is no such process."""
    arguments = process.cmdline[1:]
    if any(argument.startswith("--type=") for argument in arguments) or "-contentproc" in arguments:
        program = _program(process)
        return next((name for name in _BROWSERS if program.startswith(name)), program or None)
    return None


def _program(process: Process) -> str:
    return process.cmdline[0].rpartition("/")[2] if process.cmdline else process.comm
