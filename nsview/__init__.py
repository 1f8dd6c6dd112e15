"""nsview: a terminal explorer of Linux namespaces.

agent      reads one Linux and writes frames, a JSON object a line
hosts      decode the frames of an agent or a recording into snapshots
model      namespaces, processes, containers: frozen records and pure functions
tui        the explorer: screens and widgets
join       runs a command inside a container's namespaces
launch     the start of every command, before the command's modules are imported
enter      `nsview enter`
cli        the other commands, a file each
lookup     a host to look at, and the things that a word means on it
arguments  the grammar of the command line
examples   examples of each command, for its help
report     the tables and texts that commands print
paint      styles as the codes of a terminal
config     the user's configuration file
state      the state that the explorer keeps from one run to the next
imports    the directories that modules may be imported from as root
files      files of any origin, opened without hanging
record     frozen records for code that must start at once
kernel     the names and numbers of the kernel, for agent, model and join
linux      the system calls that Python 3.8's standard library lacks
"""

__version__ = "0.2.0"
