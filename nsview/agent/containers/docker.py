"""Docker: a container's name and image, from the daemon's own files.

Source: moby container/container.go (config.v2.json), daemon/oci_linux.go (the bundle's mounts).
"""

from __future__ import annotations

import os

from nsview import linux

from . import containerd, witness

ENGINE_NAMESPACE = "moby"  # containerd's namespace for whatever dockerd runs
_OWN_FILES = ("hostname", "hosts", "resolv.conf")  # ROOT/containers/ID/hostname, mounted into the container
_DRIVERS = ("overlay2", "overlay", "aufs", "vfs", "btrfs", "fuse-overlayfs", "zfs", "rootfs")  # ROOT/overlay2/..
DEFAULT_ROOT = "/var/lib/docker"


def describe(record, bundle, host):
    """Put into the record what dockerd's config.v2.json says; without it the name is the short id."""
    record["runtime"] = "docker"
    record["name"] = record["id"][:12]
    # The name can be changed while it runs (docker rename), so the file's time is part of the key.
    for root in _data_roots(bundle, host):
        path = "%s/containers/%s/config.v2.json" % (root, record["id"])
        key = ("docker", bundle.shim.pid, path, _changed(bundle.shim.pid, path))
        config = host.kept.get(key, lambda path=path: _read(bundle.shim, path, host))
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
    config = bundle.config
    roots: list[str] = []
    within = host.within(host.processes[bundle.shim.pid])
    mounts = config.get("mounts")
    for mount in mounts if isinstance(mounts, list) else ():
        roots += _above_own_file(str(mount.get("source", ""))) if isinstance(mount, dict) else []
    rootfs = config.get("root")
    roots += _above_layers(str(rootfs.get("path", ""))) if isinstance(rootfs, dict) else []
    for process in host.watchers():
        # Another user's, or another container's, is not this shim's, whatever it is called.
        if process["comm"] == "dockerd" and host.owner(process) == bundle.shim.uid and host.within(process) == within:
            options = containerd.options_of(process["cmdline"])
            root = options.get("data-root") or options.get("g")
            if root:
                roots.append(root)
    roots.append(DEFAULT_ROOT)
    return dict.fromkeys(roots)


def _above_own_file(path):
    """[ROOT] of ROOT/containers/ID/hostname, which dockerd mounts into a container; [] of another path."""
    root, _, rest = path.rpartition("/containers/")
    return [root] if root[:1] == "/" and rest.partition("/")[2] in _OWN_FILES else []


def _above_layers(path):
    """[ROOT] of ROOT/overlay2/LAYER/merged and its like; [] of another path."""
    parts = path.split("/")
    return ["/".join(parts[:at]) for at in range(len(parts) - 2, 1, -1) if parts[at] in _DRIVERS][:1]


def _changed(shim_pid, path):
    try:
        return os.stat("/proc/%d/root%s" % (shim_pid, path)).st_mtime_ns
    except OSError:
        return None


def _read(shim, path, host):
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
        host.noted(directory, os.path.basename(path))
        return witness.read_json(directory, os.path.basename(path), shim.uid)
    finally:
        os.close(directory)
