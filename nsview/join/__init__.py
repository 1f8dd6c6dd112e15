"""How a command comes to run inside a container's namespaces, and with no more power than the container has.

steps       the vocabulary: the small actions a plan is made of, each with its line of text
plan        pure: from a process, what is known of it and what was asked for, to the steps, or to a refusal
ready       commands that one enters a container for, as data
target      the process that is followed and the namespaces that are joined, held open and compared with their pins
supervisor  carries a plan out: stays on the host, copies bytes, passes signals on, proves and waits
inside      the supervisor's child: the steps themselves, up to the exec
trace       the child stopped at its execs, by ptrace(2)
proof       the host's kernel's word on the child there, compared with the plan
streams     the bytes between the caller's terminal or pipes and those of the command
seccomp     filters: had from a configuration or a process, and put on
profile     the filter that a container's configuration asks for, as its runtime makes it
bpf         the part of such a filter that goes by the number of a call
trampoline  the few instructions that make the last exec
toolbox     a static busybox of the host's in memory, for containers without a shell
accounts    who USER[:GROUP] is, by the container's own files
cgroups     where the hierarchies are mounted; what is frozen; to be born in one, or moved into it
run         for the explorer: starts a helper with a plan; keeps the terminal while another process supervises
helper      a fresh, single-threaded process that supervises for a program that has threads or a screen
failure     the one way in which joining fails: an exit code and a line

`nsview.enter` supervises in its own process, the explorer by a helper. supervisor and all that it imports use the
standard library alone. docs/design.md tells why some of it is done otherwise than usual.

Threat model; docs/security.md has all of it, with the tests that hold it. The container is hostile: its files, its
processes, the filters they have put on, and the command itself. The caller, the host's files and this package are
trusted. What the container wrote is a claim, what the kernel says from outside is proof, and what is not known is
refused. Held against the container:

- A namespace is joined by the descriptor that was compared with its pin: kind, device, inode, id. A process is its open
  /proc/PID. A cgroup is joined only while the process is in it, whatever it is called by then.
- All restrictions are made before the first filter, and before the command is visible in the container's pid namespace;
  they are proved at the exec, by a supervisor that no filter reaches.
- Nothing of the host is left open in the command: not a descriptor, not a pipe to its supervisor, not the terminal
  (TIOCSTI), not the working directory (CVE-2024-21626).
- Until the exec nobody else can trace the child, nor follow its /proc entries (CVE-2016-9962), and after it
  /proc/PID/exe is never a host's file (CVE-2019-5736).
- No Python module, library, locale or environment of the container is used by a process with the host's power; of its
  files none is opened that is no regular file, and none through a link that leads out.
- Not held: a container that was itself given the power to leave (all capabilities, the host's devices).
"""
