"""Where frames come from, and how they become snapshots.

frames      the agent's frames as typed records: nothing undecoded goes further
stream      frames in, snapshots out
local       this machine, by an agent of its own
spawn       an agent's process, as root through sudo where asked for
recording   a file of frames
"""



class HostError(Exception):
    """A host or a file could not be read. The message is one line: what, and what to do."""


class NotPermitted(HostError):
    """Root could."""
