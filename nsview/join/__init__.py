"""Run a command inside a container's namespaces, with no more power than the container has.

steps       the vocabulary: the small actions a plan is made of, each with its line of text
plan        pure: from a process, its details and the user's choice to the steps, or to a refusal
ready       ready commands to run in a container, as data
target      the process to follow and the namespaces to join, held open and compared with their pins
supervisor  carries a plan out: stays on the host, copies bytes, passes signals on, proves and waits
given       the files and facts that the supervisor's child can't have once it is inside
inside      the supervisor's child: the steps themselves, up to the exec
trace       the child stopped at its execs, by ptrace(2)
proof       the facts that the host's kernel tells of the stopped child, compared with the plan
streams     the bytes between the caller's terminal or pipes and those of the command
seccomp     filters: taken from a configuration or a process, and put on
profile     the filter of a container's configuration, as the container's runtime makes it
bpf         the part of a filter that judges a call by its number alone
trampoline  the few instructions that make the last exec
toolbox     a static busybox of the host's in memory, for containers without a shell
accounts    the ids of USER[:GROUP], by the container's own files
cgroups     the mounts of the hierarchies, frozen cgroups, starting a process in a cgroup or moving one into it
run         for the explorer: starts a helper with a plan; keeps the terminal while another process supervises
helper      a fresh, single-threaded process that supervises for a program that has threads or a screen
signals     signals to one process, for the explorer
failure     the exception of joining: an exit code and a line

`nsview.enter` supervises in its own process, the explorer by a helper. supervisor and all that it imports use the
standard library alone. docs/design.md explains each thing here that is done otherwise than usual.

Threat model; docs/security.md has all of it, with its tests. The container is hostile: its files, its processes, the
filters these have put on, and the command itself. The caller, the host's files and this package are trusted. A text
that the container wrote is a claim, a fact that the kernel tells from outside is proof, and the unknown is refused.
Held against the container:

- A namespace is joined by the descriptor that was compared with its pin: kind, device, inode, id. A process is its open
  /proc/PID. A cgroup is joined only while the process is in it, even if it is renamed.
- All restrictions are made before the first filter, and before the command is visible in the container's pid namespace;
  the supervisor, which no filter reaches, proves them at the exec.
- Nothing of the host is left open in the command: not a descriptor, not a pipe to its supervisor, not the terminal
  (TIOCSTI), not the working directory (CVE-2024-21626).
- Until the exec nobody else can trace the child, nor follow its /proc entries (CVE-2016-9962), and after it
  /proc/PID/exe is never a host's file (CVE-2019-5736).
- No Python module, library, locale or environment of the container is used by a process with the host's power; of the
  container's files only regular ones are opened, and none through a link that leads out.
- Not held: a container that was itself given the power to leave (all capabilities, the host's devices).
"""
