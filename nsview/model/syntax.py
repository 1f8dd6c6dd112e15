"""The filter language in a few lines, for `--help` and `?`. Only text, so that it needs no other import."""

LINES: tuple[tuple[str, str], ...] = (
    ("nginx web", "both words, each anywhere: container, image, name, command, user, pid, inode"),
    ("container=web", 'a field is that; * and ? for any letters, * alone for any at all, "" for none; != is not that'),
    ("command~worker", "the field holds that; numbers have < <= > >= too: uid>=1000"),
    ("net:4026532173", "in that namespace; host=net: in the host's"),
    ("shared.net>1", "containers in its net namespace, nprocs: processes; alone: of the kind listed"),
    ('not (api or "web 2")', "not, and, or, parentheses; quotes for text"),
)
FIELDS = (
    "container image name command user uid pid ppid state runtime pod cgroup label type host inode shared nprocs port "
    "address interface mnt uts ipc net time"
)
