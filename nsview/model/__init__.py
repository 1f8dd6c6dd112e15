"""Namespaces, processes, containers and snapshots: frozen records and pure functions over them.

Nothing here reads a file, a clock or the network. Records come in from `nsview.hosts`, which decodes an
agent's frames; answers go out to the screen and the command line.

Records
records       the frozen records, named as the agent's frames and `--json` name them
contents      the contents of a namespace of each kind, read on request
security      the confinement of a process, and the parts of the host that it can reach
net           a net namespace from within: interfaces, routes, listeners
kinds         the eight kinds of namespace and the resources that each isolates
kind_help     each kind of namespace explained
snapshot      one host at one instant, and the next one after a delta
usage         the use of processor, memory, I/O and pids, and rates from one reading to the next
log           a part of a container's log, and the reason why there is none
engine        the commands by which a container's engine stops it
changes       the processes that are new, gone or moved between two snapshots
alike         records of two hosts that are alike
events        containers that start and stop, namespaces that come and go, and the like, as they happen

Facts
members       the processes and containers that share a namespace
levels        the pid namespaces that a process has a pid in
hierarchy     namespaces as trees, by owner and by parent
chain         the descent of a process from the top of the tree, container daemons included
counts        numbers that claim no more than was seen
facts         the facts of a container, a namespace and a process, as labels and values
ended         the end of a container without a process, in words
condition     the condition of a container or a process, in words
holder_text   the holders that keep a namespace alive, in words
label         the name of a group of processes that is no container
docker_proxy  the ports of one net namespace that are published for another
audit         findings about containers, by rules over records and confinement
compare       two processes side by side
netindex      the net namespaces of a host by inode, address and interface
publishing    the ports of one net namespace that lead to another
netmap        the net namespaces of a host as lines of a table

The list and the tables
view          a way to look at a snapshot, and the records of rows
group         a group of a view, and its place among the others
groups        the groups of a view, in order and as trees
groups_update  the groups of a view brought up to date with a newer snapshot
rows          the lines of the explorer's list, from a snapshot and a view
stage         the processes of a runtime in the place of a container's first
heir          the rows of a container that was started again, in the place of one that is gone
forest        processes as trees, kept up to date
flat          processes in a sorted list, kept up to date
guides        the lines that draw descent
order         a long list that is cheap to change
columns       the columns that a user may add to the list
table         lines and columns of a lens: narrowed, sorted and fitted to a width
listing       namespaces, processes and containers as lines of a table, for the commands that print
usage_table   the use of processes: a line each, with numbers that filters compare
container_table  containers, live and stopped, in pods and projects: a line each
hosts_table   several hosts: a line each
host_groups   the things of several hosts, below a line for each host
host_lenses   use, events, findings and net maps of several hosts, in the same way
matrix        the namespaces of containers, groups or processes: a line each, a column a kind
netpicture    the net map drawn as boxes and lines

Questions and answers
filter        the filter language: the records that an expression leaves
netfields     the fields of a filter of the net map
syntax        the filter language in a few lines, for the help
leads         the things to go to, and the view in which each has a row
host_leads    the same on several hosts
target        the meaning of `8058`, `net:4026532173`, `web` or a path
elsewhere     commands for a host elsewhere, as lines for a shell here
clipboard     the texts of a row to copy, and tables as CSV
metrics       a host in numbers, for those who watch many
export        snapshots as the objects that `--json` prints
printed       the types of all objects that `--json` prints
text          text of unknown origin made safe for a terminal
"""
