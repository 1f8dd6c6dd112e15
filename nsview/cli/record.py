"""`nsview record`: the frames of the agent, saved in a file."""

import contextlib
import os
import sys
from types import SimpleNamespace

from nsview import imports
from nsview.join.failure import FAILED, USAGE, Failure
from nsview.lookup import say

from .console import DONE, host_of, place_of

_UNIT = """\
# nsview record --service > /etc/systemd/system/nsview.service && systemctl enable --now nsview
[Unit]
Description=Recording of namespaces, processes and containers

[Service]
ExecStart={command}
StateDirectory=nsview
StateDirectoryMode=0700
UMask=0077
# It ends its agent itself, and the file is whole then.
KillMode=mixed
Restart=on-failure
RestartSec=30
Nice=10
NoNewPrivileges=yes
# To read the processes of others, to join namespaces for a look, to hear of new processes, to read files of others.
CapabilityBoundingSet=CAP_SYS_PTRACE CAP_SYS_ADMIN CAP_SYS_CHROOT CAP_NET_ADMIN CAP_DAC_READ_SEARCH
# No ProtectSystem=, PrivateTmp= or other setting that gives it a mount namespace of its own: it is to see the host's.

[Install]
WantedBy=multi-user.target"""
_FILE = "/var/lib/nsview/recording"


def run(options: SimpleNamespace) -> int:
    if options.recording:
        raise Failure(USAGE, "a recording can be copied, not recorded")
    if options.service:
        return _print_service(options)
    from nsview.hosts.live import LiveHost
    from nsview.hosts.members import Writer
    from nsview.hosts.recorder import record

    path = options.file
    if path is None:
        raise Failure(USAGE, "missing: FILE; see `nsview record --help`")
    place_of(options)  # an error in it is reported before a file is made
    try:
        with contextlib.closing(Writer(path, options.keep, redacted=options.redact)) as writer:
            host = host_of(options)
            assert isinstance(host, LiveHost)
            number = record(writer, host, options.seconds, lambda how: say((how,)), redact=options.redact)
    except FileExistsError as error:
        how = "exists" if options.keep is None else f"is there already, {error.strerror}"
        raise Failure(USAGE, f"{path} {how}; give another name, or remove it first") from None
    except OSError as error:
        raise Failure(FAILED, f"{path}: {error.strerror}") from None
    if not number:
        raise Failure(FAILED, "nothing was told yet, and nothing is recorded: give it longer")
    print(f"nsview: {number} frames in {path}; nsview --from {path} shows them", file=sys.stderr)
    return DONE


def _print_service(options: SimpleNamespace) -> int:
    if options.seconds:
        raise Failure(USAGE, "a service records until it is stopped: leave out --seconds")
    path = options.file or _FILE
    if not os.path.isabs(path):
        raise Failure(USAGE, f"{path} is nowhere for a service; give an absolute path")
    keep = f"{options.keep or 86_400:.0f}s"
    there = place_of(options)
    where = [*there.options, *(["--sudo"] if options.sudo else [])] if there else []
    words = [*_command(), "record", *where, "--keep", keep, *(["--redact"] if options.redact else []), path]
    print(_UNIT.format(command=" ".join(map(_quoted, words))))
    say(filter(None, (imports.note(),)))
    return DONE


def _command() -> list[str]:
    """The words that start this very nsview."""
    script = os.path.abspath(sys.argv[0])
    named = os.path.basename(script) == "nsview" and os.access(script, os.X_OK)
    return [script] if named else [sys.executable, "-P", "-m", "nsview"]


def _quoted(word: str) -> str:
    """A word as systemd.service(5) reads it."""
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return word if word and not set(word) & set(" \t'\";\\") else f'"{word}"'
