"""The configuration that decides what a command in a container may do: its runtime's config.json.

`docker exec` and its like go by that file, and not by what the container's processes have made of themselves. It is
believed where root's engine put it there, or the caller's own: of a supervisor that stands outside of the container and
speaks for that user. Sources: as for `containerd`, `conmon`; runc exec.go (getProcess).
"""

from __future__ import annotations

import os

from nsview import linux

from .. import cgroup, files, procfs
from . import conmon, containerd, witness

_MOST = 256  # ancestors of a process that are looked at
_TRIES = 3


class Config:
    """path: of config.json; config: its object. init_pid: the container's first process, None where it is not the
    process that was asked for. runtime: "runc" or "crun", whichever made the container."""

    __slots__ = ("config", "init_pid", "path", "runtime")

    def __init__(self, path, config, init_pid, runtime):
        self.path = path
        self.config = config
        self.init_pid = init_pid
        self.runtime = runtime

    @property
    def filtered(self):
        """A command in the container is to be under a seccomp filter."""
        annotations = self.config.get("annotations") or {}
        own = self.runtime == "crun" and "run.oci.seccomp_bpf_data" in annotations
        return bool((self.config.get("linux") or {}).get("seccomp") or own)


def config_of(pid):
    """The Config of the container that a process is in, or None where none is known that is to be believed.

    The outermost supervisor above the process decides: one further down is itself in a container, and so is its word.
    """
    reader = procfs.Reader()
    try:
        for _ in range(_TRIES):
            try:
                return _outermost(reader, pid)
            except procfs.Vanished:
                continue  # an ancestor ended meanwhile
            except OSError:
                return None
    finally:
        reader.close()
    return None


def _outermost(reader, pid):
    found = None
    child, lines = reader.process(pid)
    for _ in range(_MOST):
        if child["ppid"] == 0:
            break
        parent, above = reader.process(child["ppid"])
        if len(parent["nspid"]) == 1:
            found = _of_child(parent, above, child, lines) or found
        child, lines = parent, above
    return found


def _of_child(parent, parent_cgroup, child, lines):
    """The Config by a process that may be a supervisor, and the child of it that the container begins with."""
    if not parent["comm"].startswith(("containerd-shim", "conmon")):
        return None
    uid = witness.owner_of_process(parent["pid"])
    if uid not in (0, os.geteuid()) or not witness.is_host(parent["pid"], uid):
        return None
    outside = cgroup.parse(files.text(parent_cgroup))[0]
    path, claim = cgroup.parse(files.text(lines))
    shim = containerd.shim(parent, lambda _: uid)
    if shim:
        return _of_shim(shim, child, path, claim, outside)
    monitor = conmon.monitor(parent)
    return _of_conmon(parent, monitor, uid, child, path, claim, outside) if monitor else None


def _of_shim(shim, child, path, claim, outside):
    for id in dict.fromkeys((claim.id if claim else None, shim.id)):
        own = _own(path, claim, id) if id else None
        if own is None or not containerd.outside(outside, own):
            continue
        bundle = containerd.read_bundle(shim, id)
        if bundle:
            init_pid = child["pid"] if bundle.init_pid == child["pid"] else None
            return Config(bundle.directory + "/config.json", bundle.config, init_pid, "runc")
    return None


def _of_conmon(parent, monitor, uid, child, path, claim, outside):
    """By podman's or cri-o's. A user's own container may have no cgroup of its own; then what a container made to look
    like its monitor would be under its filter."""
    own = _own(path, claim, monitor["id"])
    if own is None and (uid == 0 or _filtered(parent["pid"])):
        return None
    if own is not None and not containerd.outside(outside, own):
        return None
    name = monitor.get("bundle", "")
    try:
        root = os.open("/proc/%d/root" % parent["pid"], os.O_PATH | os.O_DIRECTORY)
        try:
            bundle = linux.open_in_root(root, name, os.O_PATH | os.O_DIRECTORY)
        finally:
            os.close(root)
    except OSError:
        return None
    try:
        config = witness.read_json(bundle, "config.json", uid)
    finally:
        os.close(bundle)
    if not config:
        return None
    crun = os.path.basename(monitor.get("runtime", "")).startswith("crun")
    return Config(name.rstrip("/") + "/config.json", config, None, "crun" if crun else "runc")


def _own(path, claim, id):
    return claim.path if claim and claim.id == id else containerd.own_cgroup(path, id)


def _filtered(pid):
    try:
        with open("/proc/%d/status" % pid, "rb") as status:
            return b"\nSeccomp:\t0\n" not in status.read()
    except OSError:
        return True
