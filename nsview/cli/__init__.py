"""The command line: a file a command, each with `run(options)`, which returns the exit code.

0 done; 1 the target is gone or nothing matched; 2 wrong usage; 3 not permitted; 4 a host or a file could not be read.

run      from the arguments to an exit code
console  parts of several commands
explore  the explorer
list     a table of namespaces, processes, containers or nets
inspect  everything that is known of one thing
enter    a command in namespaces, for arguments that `nsview.launch` does not know
compare  two processes side by side
diff     changes between two recordings
events   the things that happen, or happened in a recording
audit    findings with evidence
record   the frames of the agent, in a file
"""

from nsview import imports

imports.guard()

from .run import main as main  # noqa: E402
