"""Screens and dialogs.

browser       rows or lines that are filtered, marked, compared and taken along, the base of enterable
time_travel   the keys of a recording that is played, in all of these
enterable     a screen whose things are entered, the base of the explorer and of every lens
explorer      the main screen
live_rows     the rows of the explorer while the host changes
details_feed  when the details of a row are asked for and shown
pulse         the use of the host in the line at the top, read now and then
keys          the keys of the application, the explorer and the lenses
lens          the base of the lenses: a table and the details of its chosen line
usage         a lens: the use of processor, memory and I/O
matrix        a lens: the namespaces of each container
netmap        a lens: interfaces, addresses, bridges and listeners
events        a lens: the things that have happened
audit         a lens: findings with their evidence
hosts         a lens: several hosts, or the containers or namespaces of all of them
logs          a lens: the log of one container, followed
compare       a lens: two processes side by side
ended         the end of a container without a process
enter_dialog  the choice of the namespaces to join
goto_dialog   things to go to, narrowed by a text
find_dialog   the things that a text may mean, and the last ones that were gone to
find_among    the things on all of several hosts that a text may mean
export        copying, and writing to a file
sort_menu     the order of rows, and more columns
signal_menu   a signal for a process, or the commands that stop a container
menu          a short list to choose from
palette       all commands by name, and the ready commands
help          the keys, and the kinds of namespace
"""
