"""The condition of a container and of a process, in words."""

from .records import Container, Process
from .text import count

_SUPERVISOR = {"podman": "conmon", "cri-o": "conmon"}
STATES = {
    "R": "running", "S": "sleeping", "D": "waiting for a device", "Z": "zombie: ended, not yet reaped",
    "T": "stopped", "t": "traced: stopped by a tracer", "I": "idle", "X": "dead",
}  # fmt: skip
"""{letter of a process's state (proc_pid_stat(5)): its meaning}"""
STATE_WORDS = {letter: meaning.partition(" ")[0].rstrip(":") for letter, meaning in STATES.items()}
"""{letter: its word in a filter}"""
_CONTAINER_STATES = {
    "exited": "exited: nobody has collected its first process",
    "restarting": "restarting: it ended, and its engine will start it again",
}
LOOPS = 2
"""The number of restarts from which on a container is in a loop of crashes, while it waits for the next or is young."""


def waiting(container: Container) -> str | None:
    """The state of a container; "crash-looping" if it waits to be started once more. None if not known."""
    again = container.state == "restarting" and (container.restarts or 0) >= LOOPS
    return "crash-looping" if again else container.state


def warnings(container: Container) -> list[str]:
    """The things about a container that are not as they should be, in a word each."""
    states = [state for state in (waiting(container),) if state and state != "running"]
    return [*states, *([f"no {supervisor(container)}"] if container.supervisor_gone else [])]


def sessions(container: Container) -> str:
    """The number of exec sessions in a container, in words; "" if there are none."""
    return count(len(container.execs), "exec session") if container.execs else ""


def facts(container: Container) -> list[tuple[str, str | None]]:
    """(label, value) of the condition of a container; None if there is nothing to say."""
    gone = f"no {supervisor(container)}: nobody will reap it or collect its exit code"
    return [
        ("state", _CONTAINER_STATES.get(container.state or "", container.state)),
        ("supervisor", gone if container.supervisor_gone else None),
        ("exec sessions", " ".join(map(str, container.execs)) or None),
        ("restarts", str(container.restarts) if container.restarts else None),
    ]


def supervisor(container: Container) -> str:
    """The program that supervises a container of this runtime."""
    return _SUPERVISOR.get(container.runtime, "shim")


def is_paused(process: Process, container: Container | None) -> bool:
    """True if a process is in a paused container: the kernel may say that it waits for a device."""
    return container is not None and container.state == "paused" and not process.ended


def state(process: Process, container: Container | None) -> str:
    """The state of a process, in words; "paused" if its container is."""
    if is_paused(process, container):
        return "paused"
    if process.state == "Z" and not process.ended:
        return "its first thread has ended, others go on"
    return STATES.get(process.state, process.state)
