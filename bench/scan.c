/* The floor of a scan: the system calls of the agent's first look, and nothing that Python would add to them.
 *
 * For each process of /proc: its directory as an O_PATH fd, and fstat of that; stat, cmdline (not of kernel threads) and
 * cgroup, each opened, read with the agent's sizes, and closed; eight links; its pid in each pid namespace below that of
 * /proc, these opened once for those that follow each other. For each namespace at its first sight, and for those above
 * it: opened, fstat, its id, owner and parent asked for. What was read goes into a checksum. One process does all of it.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS_GET_USERNS 0xB701
#define NS_GET_PARENT 0xB702
#define NS_GET_OWNER_UID 0xB704
#define NS_GET_PID_IN_PIDNS 0x8004B708
#define NS_GET_ID 0x8008B70D
#define OPEN 128 /* pid namespaces at once */
#define DEEPEST 32
#define SEEN (1u << 20)
#define KTHREAD 0x00200000

static const char *const KINDS[] = {"mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time"};
enum { PID = 3, USER = 5, NUMBER = 8 };

static uint64_t seen[SEEN]; /* inodes of all kinds are numbered as one */
static uint64_t sum;

static int first_sight(uint64_t inode)
{
    uint32_t at = (uint32_t)(inode * 2654435761u) % SEEN;
    while (seen[at] && seen[at] != inode)
        at = (at + 1) % SEEN;
    if (seen[at])
        return 0;
    seen[at] = inode;
    return 1;
}

static void describe(int kind, int fd);

static void relate(int kind, int fd, unsigned long request)
{
    struct stat status;
    int other = ioctl(fd, request);
    if (other < 0)
        return;
    if (fstat(other, &status) == 0 && first_sight(status.st_ino))
        describe(kind, dup(other));
    close(other);
}

static void describe(int kind, int fd)
{
    struct stat status;
    uint64_t id = 0;
    uint32_t uid = 0;
    if (fd < 0)
        return;
    if (fstat(fd, &status) == 0) {
        ioctl(fd, NS_GET_ID, &id);
        relate(USER, fd, NS_GET_USERNS);
        if (kind == PID || kind == USER)
            relate(kind, fd, NS_GET_PARENT);
        if (kind == USER)
            ioctl(fd, NS_GET_OWNER_UID, &uid);
        sum += status.st_ino + id + uid;
    }
    close(fd);
}

static struct {
    uint64_t inode;
    int fds[DEEPEST], number;
} levels[OPEN]; /* the next to go at `oldest` */
static int oldest;
static uint64_t top;

static int levels_of(int directory, uint64_t inode)
{
    int at = oldest, fd;
    struct stat status;
    for (int i = 0; i < OPEN; i++)
        if (levels[i].inode == inode)
            return i;
    while (levels[at].number)
        close(levels[at].fds[--levels[at].number]);
    levels[at].inode = inode;
    oldest = (oldest + 1) % OPEN;
    for (fd = openat(directory, "ns/pid", O_RDONLY | O_CLOEXEC); fd >= 0; fd = ioctl(fd, NS_GET_PARENT)) {
        if (fstat(fd, &status) == 0 && status.st_ino == top) {
            close(fd);
            break;
        }
        levels[at].fds[levels[at].number++] = fd;
    }
    return at;
}

static ssize_t read_at(int directory, const char *name, char *buffer, size_t size)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    ssize_t length;
    if (fd < 0)
        return -1;
    length = read(fd, buffer, size);
    close(fd);
    if (length > 0)
        sum += (unsigned char)buffer[length / 2] + length;
    return length;
}

static unsigned long flags_of(char *stat, ssize_t length)
{
    char *at;
    stat[length > 0 ? length : 0] = 0;
    at = strrchr(stat, ')');
    for (int field = 0; at && field < 7; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoul(at + 1, NULL, 10) : 0;
}

int main(void)
{
    static char stats[1025], cmdline[4096], cgroup[16384], link[4096];
    struct stat status;
    int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fdopendir(openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct dirent *entry;
    long number = 0;
    char path[32];

    if (!listing || stat("/proc/self/ns/pid", &status) != 0)
        return 1;
    top = status.st_ino;
    while ((entry = readdir(listing))) {
        ssize_t length, size;
        char *text;
        uint64_t inode = 0, inside = 0;
        int fd;
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        fd = openat(proc, entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            continue;
        length = read_at(fd, "stat", stats, 1024);
        for (int kind = 0; kind < NUMBER; kind++) {
            snprintf(path, sizeof path, "ns/%s", KINDS[kind]);
            size = readlinkat(fd, path, link, sizeof link - 1);
            if (size <= 0)
                continue;
            link[size] = 0;
            text = strchr(link, '[');
            inode = text ? strtoull(text + 1, NULL, 10) : 0;
            if (inode && first_sight(inode))
                describe(kind, openat(fd, path, O_RDONLY | O_CLOEXEC));
            if (kind == PID)
                inside = inode;
        }
        if (inside && inside != top) {
            int at = levels_of(fd, inside);
            for (int i = 0; i < levels[at].number; i++)
                sum += ioctl(levels[at].fds[i], NS_GET_PID_IN_PIDNS, atoi(entry->d_name));
        }
        if (fstat(fd, &status) == 0)
            sum += status.st_uid;
        if (!(flags_of(stats, length) & KTHREAD))
            read_at(fd, "cmdline", cmdline, sizeof cmdline);
        read_at(fd, "cgroup", cgroup, sizeof cgroup);
        close(fd);
        number++;
    }
    printf("%ld processes, checksum %llx\n", number, (unsigned long long)sum);
    return 0;
}
