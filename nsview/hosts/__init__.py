"""The sources of frames, and the way from frames to snapshots.

frames      the agent's frames as typed records: nothing undecoded goes further
stream      frames in, snapshots out
link        the link to an agent: lines from it, requests to it
live        a host that is read now, and asked
local       this machine, by an agent of its own
spawn       an agent's process, as root through sudo if asked for
remote      a host elsewhere, by an agent that is sent to it
among       one of several hosts that are watched at once
inventory   the hosts that a user names together
place       the place of a host, and the command that runs a program there
secret      a password that is typed in the terminal
bundle      the agent as it is sent
entering    a command in the namespaces of a host elsewhere
nowhere     a host of which nothing is known
recording   a file of frames, shown again
playback    a recording that is played and gone about in
recorder    the frames of this machine's agent, written to a file
members     the parts of that file: each begins with a full look, each frame is whole
moment      a moment of a recording, as a user gives it
redaction   frames without command lines and environments
told        everything that frames add up to, for the beginning of such a part
"""


class HostError(Exception):
    """A host or a file could not be read. The message is one line: the fact, then the remedy."""


class NotPermitted(HostError):
    """A host or file that this user may not read, but root may."""
