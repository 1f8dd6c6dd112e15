"""Docker: a container's name and image, from the daemon's own files.

Source: moby container/container.go (config.v2.json), daemon/oci_linux.go (the bundle's mounts).
"""

from __future__ import annotations

import os
import re

from nsview import linux

from .. import hostfiles
from . import containerd, witness

ENGINE_NAMESPACE = "moby"  # containerd's namespace for whatever dockerd runs
_OWN_FILE = re.compile(r"^(/.*)/containers/[0-9a-f]{64}/(?:hostname|hosts|resolv\.conf)$")
_ROOTFS = re.compile(r"^(/.*)/(?:overlay2|overlay|aufs|vfs|btrfs|fuse-overlayfs|zfs|rootfs)/")
DEFAULT_ROOT = "/var/lib/docker"


def describe(record, bundle, host):
    """Put into the record what dockerd's config.v2.json says; without it the name is the short id."""
    record["runtime"] = "docker"
    record["name"] = record["id"][:12]
    # The name can be changed while it runs (docker rename), so the file's time is part of the key.
    for root in _data_roots(bundle, host):
        path = "%s/containers/%s/config.v2.json" % (root, record["id"])
        key = ("docker", bundle.shim.pid, path, _changed(bundle.shim.pid, path))
        config = host.kept.get(key, lambda path=path: _read(bundle.shim, path))
        if config and config.get("ID") == record["id"]:
            name = config.get("Name")
            if isinstance(name, str) and name.strip("/"):
                record["name"] = name.lstrip("/")
            created = config.get("Config")
            image = created.get("Image") if isinstance(created, dict) else None
            record["image"] = image if isinstance(image, str) else None
            record["witness"].append(path)
            return


def _data_roots(bundle, host):
    """Where dockerd keeps its containers, most telling first: found also when dockerd is dead."""
    roots, config = [], bundle.config
    within = host.within(host.processes[bundle.shim.pid])
    mounts = config.get("mounts")
    for mount in mounts if isinstance(mounts, list) else ():
        match = _OWN_FILE.match(str(mount.get("source", ""))) if isinstance(mount, dict) else None
        if match:
            roots.append(match.group(1))
    rootfs = config.get("root")
    match = _ROOTFS.match(str(rootfs.get("path", ""))) if isinstance(rootfs, dict) else None
    if match:
        roots.append(match.group(1))
    for process in host.watchers():
        # Another user's, or another container's, is not this shim's, whatever it is called.
        if process["comm"] == "dockerd" and host.owner(process) == bundle.shim.uid and host.within(process) == within:
            options = containerd.options_of(process["cmdline"])
            root = options.get("data-root") or options.get("g")
            if root:
                roots.append(root)
    roots.append(DEFAULT_ROOT)
    return dict.fromkeys(roots)


def _changed(shim_pid, path):
    try:
        return hostfiles.status(path, pid=shim_pid).st_mtime_ns
    except OSError:
        return None


def _read(shim, path):
    """The file as the shim would see it: dockerd may itself be in a container."""
    try:
        root = os.open("/proc/%d/root" % shim.pid, os.O_PATH | os.O_DIRECTORY)
        try:
            directory = linux.open_in_root(root, os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
        finally:
            os.close(root)
    except OSError:
        return None
    try:
        return witness.read_json(directory, os.path.basename(path), shim.uid)
    finally:
        os.close(directory)
