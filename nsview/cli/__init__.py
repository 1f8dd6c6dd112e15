"""The command line: a file a command, each with `run(options)`, which returns the exit code.

0 done; 1 the target is gone or nothing matched; 2 wrong usage; 3 not permitted; 4 a host or a file could not be read.

run      from the arguments to an exit code
console  parts of several commands
pager    a pager for what is taller than the terminal
sight    a host that is looked at once, or again and again
answer   the answer of a command, printed once or drawn again and again
tables   a table in the form that options ask for
fleet    several hosts asked at once
fleet_events  the events of several hosts, as one list
explore  the explorer
list     a table of namespaces, processes, containers or nets
inspect  everything that is known of one thing
enter    a command in namespaces, for arguments that `nsview.launch` does not know
compare  two processes side by side
diff     changes between two recordings
events   the things that happen, or happened in a recording
audit    findings with evidence
export   a host in numbers, for Prometheus
logs     the log of a container
record   the frames of the agent, in a file
schema   the JSON schemas of all of these
"""

from nsview import imports

imports.guard()

from .run import main as main  # noqa: E402
