/* A program that stands for a service of the demo's shop, under whatever name it has: it listens, computes and keeps
 * memory as its environment says, so that a recorded host looks like one at work.
 *
 * LISTEN: a port. CORES: the share of a processor that it uses. MEMORY: MiB that it keeps. EXIT: the second at which
 * it fails. CHILDREN: the titles of its children, between bars; these compute and keep memory in its stead. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double number(const char *name) {
    const char *text = getenv(name);
    return text ? atof(text) : 0;
}

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void listen_at(int port) {
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int server = socket(AF_INET6, SOCK_STREAM, 0);
    if (server < 0 || bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 16))
        exit(3);
}

static void bear(char *titles) {
    char path[4096] = "";
    if (readlink("/proc/self/exe", path, sizeof path - 1) < 0)
        exit(4);
    unsetenv("CHILDREN");
    unsetenv("LISTEN");
    for (char *title = strtok(titles, "|"); title; title = strtok(NULL, "|"))
        if (!fork()) {
            execl(path, title, NULL);
            _exit(5);
        }
    setenv("CORES", "0", 1);
    setenv("MEMORY", "1", 1);
}

int main(void) {
    double began = now(CLOCK_MONOTONIC), ends = number("EXIT");
    if (number("LISTEN"))
        listen_at(number("LISTEN"));
    if (getenv("CHILDREN"))
        bear(strdup(getenv("CHILDREN")));
    size_t kept = number("MEMORY") * (1 << 20);
    volatile char *memory = malloc(kept + 1);
    for (size_t at = 0; at < kept; at += 4096)
        memory[at] = 1;
    for (;;) {
        double until = now(CLOCK_PROCESS_CPUTIME_ID) + number("CORES") / 10;
        while (now(CLOCK_PROCESS_CPUTIME_ID) < until)
            ;
        usleep(100000 * (1 - number("CORES")));
        if (ends && now(CLOCK_MONOTONIC) - began > ends)
            return 1;
    }
}
