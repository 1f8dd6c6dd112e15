"""The things that every screen works with, made once by the application."""

from nsview.join.ready import Ready
from nsview.state import Memory

from .entrance import Entrance
from .session import Session


class Context:
    """session: with the host. entrance: the way into namespaces. memory: kept from run to run. ready: the commands of
    `x`. audit_ignore: the rules that the audit leaves out.
    all_events: those of namespaces without a name, outside of containers, are shown too."""

    def __init__(self, session: Session, entrance: Entrance, memory: Memory, ready: tuple[Ready, ...]) -> None:
        self.session = session
        self.entrance = entrance
        self.memory = memory
        self.ready = ready
        self.audit_ignore: tuple[str, ...] = ()
        self.all_events = False
