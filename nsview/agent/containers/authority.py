"""STUB"""
from __future__ import annotations

import os

from .. import files, procfs
from . import conmon, containerd


class Config:
    def __init__(self, path, config, init_pid, uid):
        self.path, self.config, self.init_pid, self.uid = path, config, init_pid, uid
def config_of(pid):
    reader = procfs.Reader()
    try:
        for _ in range(64):
            record, _c = reader.process(pid)
            parent, _c = reader.process(record["ppid"])
            shim = containerd.shim(parent)
            if shim and parent["uid"] in (0, os.geteuid()):
                bundle = containerd.read_bundle(shim, shim.id)
                if bundle:
                    return Config(bundle.directory + "/config.json", bundle.config, bundle.init_pid, 0)
            m = conmon.monitor(parent)
            if m and parent["uid"] in (0, os.geteuid()):
                root = os.open("/", os.O_PATH)
                config = files.read_json(root, m["bundle"] + "/config.json")
                if config:
                    return Config(m["bundle"] + "/config.json", config, pid, 0)
            pid = record["ppid"]
    except (procfs.Vanished, OSError, KeyError, ValueError):
        return None
    finally:
        reader.close()
    return None
