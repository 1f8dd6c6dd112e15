"""An agent's process, started without the modules that decode its frames: the agent runs while they are imported."""

import contextlib
import fcntl
import os
import subprocess
import sys

from nsview import imports

from . import HostError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PIPE = 1 << 20  # bytes that the agent can write before they are read: a screen takes a while to begin
# Behind the standard library, which nothing beside the package shall replace.
_BOOT = "import sys; sys.path.append(sys.argv[1]); from nsview.agent.main import main; main(sys.argv[2:])"


def agent(*arguments: str, elevated: bool = False, asking: bool = True) -> "subprocess.Popen[bytes]":
    """Start an agent. arguments: its own. elevated: as root, through sudo, which may ask for a password, and tell an
    error, if `asking`. Raises HostError if it can't be started."""
    if sys.platform != "linux":
        raise HostError("this is not Linux, which alone has namespaces: try `nsview demo`")
    if not os.path.isdir("/proc/self/ns"):
        raise HostError("/proc is not mounted here; as root: mount -t proc proc /proc")
    argv = [sys.executable, "-I", "-S", "-c", _BOOT, ROOT, *arguments]
    if elevated:
        import shutil

        sudo = shutil.which("sudo")
        if sudo is None:
            raise HostError("sudo is not installed; start nsview as root instead")
        if asking and (note := imports.note()):
            print(f"nsview: {note}", file=sys.stderr)
        prompt = "nsview needs root to read all processes; password for %p: "
        argv = [sudo, f"--prompt={prompt}" if asking else "--non-interactive", "--", *argv]
    try:
        # stderr stays ours: sudo asks and refuses there, while the screen is suspended.
        started = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if elevated and asking else subprocess.DEVNULL,
            # ^C in the terminal is meant for the screen, and the agent exits when its stdin ends.
            process_group=None if elevated else 0,
        )
    except OSError as error:
        raise HostError(f"the agent could not be started: {error.strerror}") from None
    assert started.stdout is not None
    with contextlib.suppress(OSError):  # the user may be at the limit of such pipes
        fcntl.fcntl(started.stdout, fcntl.F_SETPIPE_SZ, _PIPE)
    return started
