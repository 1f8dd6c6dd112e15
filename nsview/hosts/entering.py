"""Enter a namespace on a host elsewhere, in the terminal that this process has.

The agent there keeps the code in its memory, and a second connection, with a terminal of its own, runs it from there:
nothing is written to a disk, and stdin is the command's from its first byte. The code is executed only if it is what
was sent.
"""

import hashlib
import subprocess
import threading
from collections.abc import Mapping

from . import HostError, bundle
from .remote import RemoteHost

_RUN = (
    'import hashlib,sys;d=open("{path}","rb").read();hashlib.sha256(d).hexdigest()=="{digest}" or sys.exit(4);'
    'exec(d[:{size}],{{"packed":d[{size}:],"__name__":"__main__"}})'
)


def enter(host: RemoteHost, given: Mapping[str, object], *, terminal: bool) -> int:
    """Run `nsview enter` there and return its exit code. given: its options; the target is a pid or a path there.

    Another thread must read from the host. terminal: the command gets one. Raises HostError.
    """
    if host.place.kind == "via":
        raise HostError("--via leads to a pipe without a terminal: to enter, name the host with -H")
    data, size = bundle.entering(host.magic, given)
    code = _RUN.format(path=host.keep(data), digest=hashlib.sha256(data).hexdigest(), size=size)
    program = (*bundle.PYTHON, code)
    if host.elevated:
        how = ("-p", f"password for sudo on {host.name}: ") if terminal else ("-n",)
        program = ("sudo", *how, "--", *program)
    try:
        return subprocess.run(host.place.command(program, asking=True, terminal=terminal), check=False).returncode
    except OSError as error:
        raise HostError(f"{host.name}: {error.strerror}") from None


def draining(host: RemoteHost) -> None:
    """Have a thread read from the host from now on, for nobody."""

    def read() -> None:
        try:
            for _ in host.lines():
                pass
        except HostError:  # the second connection tells
            return

    threading.Thread(target=read, daemon=True).start()
