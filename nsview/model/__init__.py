"""What a namespace, a process, a container and a snapshot are: frozen records and pure functions over them.

Nothing here reads a file, a clock or the network. Records come in from `nsview.hosts`, which decodes an
agent's frames; answers go out to the screen and the command line.

records    the frozen records, named as the agent's frames and `--json` name them
contents   what a namespace of each kind holds, as read when it is asked for
kinds      the eight kinds of namespace and what each isolates
explained  each kind explained
matrix     who is in which namespace, a line each and a column a kind
snapshot   one host at one instant, and how a delta makes the next one
group      who shares a namespace, and with whom
levels     the pid namespaces that a process has a pid in
hierarchy  namespaces as trees, by owner and by parent
chain      how a process descends from the top of the tree, container daemons included
holding    what keeps a namespace alive, in words
label      what a group is that is no container
rows       the lines of the explorer's list, from a snapshot and a view
changes    what is new, gone or moved between two snapshots
security   what confines a process, and what of the host it can reach
audit      what of containers should be looked at: rules over both
compare    two processes side by side
filter     the filter language: which records an expression leaves
syntax     .. in a few lines, for the help
leads      what can be gone to, and the view in which it has a row
target     what a user means by `8058`, `net:4026532173`, `web` or a path
text       text of unknown origin made safe for a terminal
"""
