"""How a command comes to run inside a container's namespaces, and with no more power than the container has.

steps       the vocabulary: the small actions a plan is made of, each with its line of text
plan        pure: from a process, what is known of it and what was asked for, to the list of steps
run         starts the helper with a plan and gives the terminal back afterwards
helper      a fresh, single-threaded process that carries a plan out; its own part stays on the host
inside      the helper's child: the steps themselves, up to the exec
streams     the bytes between the caller's terminal or pipes and those of the command
target      what is followed, a process or a namespace's path, held so that nothing else is taken for it
accounts    who USER[:GROUP] is, by the container's own files
toolbox     a static busybox of the host's in memory, for containers without a shell
cgroups     where the hierarchies are mounted; what is frozen
seccomp     a process's filters: read from it, and put on
profile     the filter that a container's configuration asks for, as its runtime makes it
bpf         the part of such a filter that goes by the number of a call
trampoline  the few instructions that make the last exec
failure     the one way in which joining fails: an exit code and a line

All but steps, plan, accounts and run are imported by the helper, and use the standard library alone.

Where the time goes, of about 20 ms from the helper's start to the command's: 7 the interpreter, 5 imports, 5 the steps
(1.6 of that the two forks, 1 the seccomp filter). What it took: to be born in cgroup v2 rather than moved into it (7 to
15 ms), no site, json, typing, re or enum in the helper (10). What lost: the modules sent along as one code object (no
gain), `-X no_debug_ranges` (none), `_ctypes` without ctypes (1.8 ms, but private), the pid namespace joined before the
first fork (0.8 ms, but visible inside for longer, with all power), a program in C (most of it, but another to trust).

Threat model; docs/security.md has all of it, with the tests that hold it. The container is hostile: its files, its
processes and the command itself. The caller, the host's files and this package are trusted. Held against the container:

- Nothing of the host is left open in the command: not a file descriptor, not the terminal, not the working directory.
- Until the exec the helper cannot be traced, nor its /proc entries followed (PR_SET_DUMPABLE 0, CVE-2016-9962), and
  after it /proc/PID/exe is never a host's file, even if the command is a link or a script that leads to
  /proc/self/exe (CVE-2019-5736): a sealed copy in memory makes that exec.
- The terminal is a pty of the command's own, so that nothing can be typed into the caller's (TIOCSTI).
- No Python module, library, locale or environment of the container is used by a process with the host's power.
- A process is (pid, start time): a reused pid is noticed, and a pidfd is used from then on. A cgroup is joined only
  while the process is in it, whatever it is called by then.
- Of its files none is opened that is no regular file, and none through a link that leads out.
- Not held: a container that was itself given the power to leave (all capabilities, the host's devices).
"""
