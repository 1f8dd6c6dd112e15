/* Many idle processes, a tenth as many sets of namespaces: what a large host looks like to a scan.
 *
 * crowd PROCESSES SETS forks them, says "ready" and waits; none outlives it. It is C, and linked statically, because
 * 50,000 of an interpreter would need 17 GB. The members of a set are children of the one that made its namespaces.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* what an engine gives to a container */
#define SET (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP)

static int ready[2];

static void fail(const char *what)
{
    dprintf(2, "%s: %s\n", what, strerror(errno));
    _exit(1);
}

static void wait_for_ever(void)
{
    if (write(ready[1], ".", 1) != 1)
        _exit(1);
    close(ready[0]);
    close(ready[1]);
    close(1);
    for (;;)
        pause();
}

/* Not getppid(): in a new pid namespace the parent is 0 whether it lives or not. */
static int child(void)
{
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid == 0;
}

int main(int count, char **words)
{
    int processes = count > 2 ? atoi(words[1]) : 0, sets = count > 2 ? atoi(words[2]) : 0;
    int share = sets ? processes / sets : 0, rest = processes - share * sets, made = 0;
    char buffer[4096];
    ssize_t more;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (pipe(ready) != 0)
        fail("pipe");
    for (int i = 0; i < sets; i++)
        if (child()) {
            if (unshare(SET) != 0)
                fail("unshare");
            for (int j = 1; j < share; j++)
                if (child())
                    wait_for_ever();
            wait_for_ever();
        }
    for (int i = 0; i < rest; i++)
        if (child())
            wait_for_ever();
    close(ready[1]);
    while ((more = read(ready[0], buffer, sizeof buffer)) > 0)
        if ((made += more) == processes) {
            if (write(1, "ready\n", 6) != 6)
                return 1;
            for (;;)
                pause();
        }
    dprintf(2, "only %d of %d processes came to be\n", made, processes);
    return 1;
}
