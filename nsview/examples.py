"""Examples of each command, for `--help` and the man page. Only text, so that it needs no other import."""

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "": (
        ("nsview", "the explorer; ? lists its keys, q quits"),
        ("sudo nsview", "of all users' processes"),
        ("nsview demo", "on a recording that comes along"),
        ("nsview --from host.jsonl", "on a recording of yours"),
        ("nsview ps", "the containers of this host"),
        ("nsview inspect 8058", "the container and the namespaces of a process"),
        ("nsview exec -it web sh", "a shell in a container"),
        ("nsview -H web1", "another host, by your ssh"),
        ("nsview -H web1 -H web2", "several, each opened from a table"),
    ),
    "list": (
        ("nsview list", "each with its oldest process"),
        ("nsview list --type net --filter 'not host=net'", "other than the host's"),
        ("nsview list processes --filter 'web user!=root'", "some processes"),
        ("nsview list nets --filter port=8080", "who listens, or publishes it"),
        ("nsview list use --filter 'cpu>50 mem>1G'", "the containers that use most"),
        ("nsview list use --sort=-mem -o name,mem,mem%", "by memory"),
        ("nsview list use --watch", "again every two seconds"),
        ("nsview list --holders -o wide", "also those without processes"),
        ("nsview list --json --from host.jsonl", "a recording, for a program"),
        ("nsview list processes -H ops@web1 --sudo", "of web1, as root there"),
        ("nsview list use -H 'web*' --sort=-mem", "of all hosts of that name"),
    ),
    "ps": (
        ("nsview ps", "all, of whichever engine"),
        ("nsview ps -q --filter runtime=docker", "names, one a line"),
        ("nsview ps -o name,pid,state --sort state", "these columns, in this order"),
        ("nsview ps --filter image=*nginx*", "by the image"),
        ("nsview ps -H web1 -H web2", "of two hosts, in one table"),
        ("nsview ps --hosts hosts.txt", "of the hosts of a file"),
    ),
    "inspect": (
        ("nsview inspect 8058", "a process, and who shares what"),
        ("nsview inspect web", "a container"),
        ("nsview inspect net:4026532173", "a namespace, and all that holds it"),
        ("nsview inspect vethab12", "where an interface leads to"),
        ("nsview inspect /run/netns/blue -o json", "by a path, for a program"),
    ),
    "enter": (
        ("sudo nsview enter web", "a shell, as docker exec gives"),
        ("sudo nsview enter web --net -- ip addr", "the host's ip in its network"),
        ("sudo nsview enter blue -- ss -ltn", "in the namespace mounted as blue"),
        ("sudo nsview enter 8058 --toolbox", "busybox, if there is no shell"),
        ("sudo nsview enter web -u app -w /srv -- env", "as its user app, in its /srv"),
        ("nsview enter web --dry-run", "the plan, and nsenter's words"),
        ("nsview enter -H web1 web", "a shell in a container of web1"),
    ),
    "exec": (
        ("sudo nsview exec -it web sh", "a shell"),
        ("sudo nsview exec -u app web id", "a command, as a user of the container"),
        ("sudo nsview exec web -it -- sh", "in the order of kubectl"),
    ),
    "diff": (
        ("nsview diff before.jsonl now", "what is gone, new or moved since"),
        ("nsview diff before.jsonl after.jsonl -o json", "between two recordings"),
        ("nsview diff before.jsonl now -H web1", "until now, of web1"),
        ("nsview diff ssh://web1 ssh://web2", "between two hosts"),
    ),
    "audit": (
        ("sudo nsview audit", "all findings, by container"),
        ("sudo nsview audit --severity high --filter web", "the worst of one"),
        ("sudo nsview audit -o severity,rule,finding", "a line a finding"),
        ("sudo nsview audit --json", "with the evidence"),
        ("nsview audit --via 'ssh a ssh web1'", "by a command that runs another"),
    ),
    "compare": (
        ("nsview compare web proxy", "two containers"),
        ("nsview compare 8058 8060 --json", "two processes, for a program"),
    ),
    "record": (
        ("sudo nsview record host.jsonl", "until ^C"),
        ("sudo nsview record host.jsonl --seconds 60", "for a minute"),
        ("nsview record -H web1 web1.jsonl", "another host, here"),
    ),
    "logs": (
        ("sudo nsview logs web --tail 20", "its last lines, from the engine's file"),
        ("sudo nsview logs web --follow", "and those that come, until ^C"),
    ),
    "events": (
        ("sudo nsview events --follow", "all that happens, until ^C"),
        ("sudo nsview events -f --filter 'container=*'", "of containers alone"),
        ("sudo nsview events -f --filter kind=oom", "killed for want of memory"),
        ("nsview events -f -H web1", "of another host"),
        ("nsview events -f -H web1 -H web2", "of two, in one list"),
        ("nsview events --from host.jsonl --json", "of a recording, for a program"),
    ),
    "export": (
        ("sudo nsview export --prometheus", "of this host, once"),
        ("sudo nsview export --prometheus --output nsview.prom", "a file, in one go"),
        ("sudo nsview export --prometheus --listen :9464", "asked by this host alone"),
    ),
    "schema": (("nsview schema recording", "of the lines of a recording"),),
    "demo": (("nsview demo", "no privileges, no containers needed"),),
}
"""{command: its examples, each a line for a shell and the meaning}; "" is nsview itself."""


def lines(command: str) -> list[str]:
    """The examples of a command as lines, the meanings in a column."""
    size = max(len(line) for line, _ in EXAMPLES[command])
    return [f"  {line:<{size}}  {about}" for line, about in EXAMPLES[command]]
