"""The events between two snapshots, and those of a host by all that it says."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from msgspec.structs import replace

from nsview.model.events import lines as event_lines
from nsview.model.events.between import events
from nsview.model.events.containers import running
from nsview.model.events.follower import RESTART, Follower
from nsview.model.events.lines import behind, counted, is_told, summary
from nsview.model.events.nets import net_events
from nsview.model.events.record import KINDS, MEANINGS, ORDER, Ended, Event
from nsview.model.filter import parse
from nsview.model.net import Interface, Listener, Net, Nets
from nsview.model.records import Container, HolderSearch, Namespace, Namespaces, Process
from nsview.model.snapshot import Snapshot, advance, searched, snapshot
from nsview.model.usage import HostUsage

from ..make import HOST, container, host, left, process


def kinds(found: Iterable[Event]) -> list[tuple[str, str]]:
    return [(event.kind, event.subject) for event in found]


def after(old: Snapshot, *processes: Process, containers: Iterable[Container] = (), time: float = 2.0) -> Snapshot:
    """The snapshot of these as the next after another one."""
    return next_to(old, host(*processes, containers=containers), time)


def next_to(old: Snapshot, now: Snapshot, time: float) -> Snapshot:
    return advance(
        old, time,
        [p for pid, p in now.processes.items() if old.processes.get(pid) != p], old.processes.keys() - now.processes,
        [n for key, n in now.namespaces.items() if old.namespaces.get(key) != n],
        old.namespaces.keys() - now.namespaces,
        [c for key, c in now.containers.items() if old.containers.get(key) != c],
        old.containers.keys() - now.containers,
    )  # fmt: skip


INIT = process(1, 0)
WEB = process(10, 1, comm="nginx", net=20, pid=21, container="docker:w1")
RUNS = container("w1", [10], name="web", state="running")
EMPTY, FULL = host(INIT), host(INIT, WEB, containers=[RUNS])


def ended(pid: int = 10, code: int = 0, **more: object) -> Ended:
    known: dict[str, object] = {"start": pid, "comm": "nginx", "container": "docker:w1", "oom": False}
    return Ended(taken_at=1.5, pid=pid, code=code, **(known | more))  # type: ignore[arg-type]


def test_each_kind_has_a_meaning_and_a_place() -> None:
    assert set(KINDS) == set(MEANINGS) == set(ORDER)


# Containers


def test_a_container_that_starts_and_stops() -> None:
    now = after(EMPTY, INIT, WEB, containers=[RUNS])
    started, born = events(EMPTY, now)
    assert (started.kind, started.subject, started.pid, started.time) == ("started", "web", 10, 2.0)
    assert (born.kind, born.subject, born.name) == ("born", "pid net", "web")
    assert born.namespaces == (("pid", 21), ("net", 20))
    stopped, gone = events(now, after(now, INIT, time=3.0), {"docker:w1": ended(code=3)})
    assert (stopped.kind, stopped.text, stopped.code, stopped.container) == ("stopped", "exit code 3", 3, "docker:w1")
    assert (gone.kind, gone.subject, gone.name) == ("gone", "pid net", "web")


def test_an_exit_code_that_nobody_told_is_not_known() -> None:
    stopped = events(FULL, after(FULL, INIT))[0]
    assert (stopped.text, stopped.code) == ("exit code not known", None)


def test_a_signal_is_named_and_so_is_want_of_memory() -> None:
    for end, text in (
        (ended(code=137), "exit code 137 (SIGKILL)"),
        (ended(code=137, oom=True), "exit code 137 (SIGKILL), killed for want of memory"),
        (ended(code=255), "exit code 255"),
    ):
        assert events(FULL, after(FULL, INIT), {"docker:w1": end})[0].text == text


def test_a_first_process_that_nobody_has_reaped_has_stopped_once() -> None:
    zombie = replace(WEB, state="Z", namespaces=Namespaces(pid=21, user=1))
    exited = after(FULL, INIT, zombie, containers=[replace(RUNS, state="exited")])
    assert kinds(events(FULL, exited)) == [("stopped", "web"), ("gone", "net:[20]")]
    assert kinds(events(exited, after(exited, INIT))) == [("gone", "pid:[21]")]


def test_pauses_and_names() -> None:
    paused = after(FULL, INIT, WEB, containers=[replace(RUNS, state="paused")])
    assert kinds(events(FULL, paused)) == [("paused", "web")]
    assert kinds(events(paused, after(paused, INIT, WEB, containers=[RUNS]))) == [("unpaused", "web")]
    unknown = after(FULL, INIT, WEB, containers=[replace(RUNS, state=None)])
    assert not events(FULL, unknown) and not events(unknown, after(unknown, INIT, WEB, containers=[RUNS]))
    (renamed,) = events(FULL, after(FULL, INIT, WEB, containers=[replace(RUNS, name="shop")]))
    assert (renamed.kind, renamed.subject, renamed.text) == ("renamed", "shop", "was web")


def test_a_name_that_could_not_be_read_before_or_now_is_no_other_name() -> None:
    unnamed = host(INIT, WEB, containers=[replace(RUNS, name="w1")])
    assert not events(unnamed, FULL) and not events(FULL, unnamed)


def test_a_container_that_is_known_better_is_the_same() -> None:
    other = replace(RUNS, key="runc:w1", runtime="runc", name="w1")
    assert not events(host(INIT, WEB, containers=[other]), FULL)


def test_another_first_process_is_a_restart() -> None:
    again = replace(WEB, pid=11, start=11)
    now = after(FULL, INIT, again, containers=[replace(RUNS, init_pid=11, pids=(11,))])
    stopped, restarted = events(FULL, now, {"docker:w1": ended(code=1)})
    assert (stopped.kind, stopped.code, stopped.pid) == ("stopped", 1, 10)
    assert (restarted.kind, restarted.pid) == ("restarted", 11)


def test_the_runtimes_process_that_makes_a_container_is_not_its_first() -> None:
    stage = replace(WEB, pid=9, start=9, comm="runc:[1:CHILD]")
    making = host(INIT, stage, containers=[replace(RUNS, init_pid=9, pids=(9,))])
    assert not events(making, after(making, INIT, WEB, containers=[RUNS]))


def test_a_runtimes_stage_is_no_start_before_the_containers_own_process_has_begun() -> None:
    stage = replace(WEB, comm="runc:[2:INIT]", cmdline=("runc", "init"))
    unnamed = replace(RUNS, name="w1", image=None)
    follower = Follower()
    follower.take(EMPTY)
    made = after(EMPTY, INIT, stage, containers=[unnamed])
    assert kinds(follower.take(made)) == [("born", "pid net")]
    waits = after(made, INIT, stage, containers=[RUNS], time=3.0)
    assert not follower.take(waits)
    (started,) = follower.take(after(waits, INIT, WEB, containers=[RUNS], time=4.0))
    assert (started.kind, started.subject, started.text, started.time) == ("started", "web", RUNS.image or "", 4.0)


def test_a_stage_that_is_a_zombie_when_it_is_first_seen_is_no_life_before_the_start() -> None:
    stage = replace(WEB, pid=9, start=9, comm="runc:[1:CHILD]", state="Z")
    follower = Follower()
    follower.take(EMPTY)
    made = after(EMPTY, INIT, stage, containers=[replace(RUNS, state="exited", init_pid=9, pids=(9,))])
    found = follower.take(made)
    runs = after(made, INIT, WEB, containers=[RUNS], time=3.0)
    found += follower.take(runs)
    assert [event.kind for event in found if event.kind in ("started", "restarted", "stopped")] == ["started"]


def test_a_container_that_ends_in_a_runtimes_stage_has_started_and_stopped() -> None:
    stage = replace(WEB, comm="runc:[2:INIT]")
    follower = Follower()
    follower.take(EMPTY)
    made = after(EMPTY, INIT, stage, containers=[RUNS])
    follower.take(made)
    follower.take(ended(code=127))
    told = [(event.kind, event.code, event.time) for event in follower.take(after(made, INIT, time=3.0))]
    assert told[:2] == [("started", None, 3.0), ("stopped", 127, 3.0)]


def test_a_stage_of_which_more_is_known_by_then_starts_by_that() -> None:
    stage = replace(WEB, comm="crun", container="docker:w1")
    other = replace(RUNS, key="runc:w1", runtime="runc", name="w1")
    follower = Follower()
    follower.take(EMPTY)
    made = after(EMPTY, INIT, replace(stage, container="runc:w1"), containers=[other])
    follower.take(made)
    known = after(made, INIT, stage, containers=[RUNS], time=3.0)
    assert not follower.take(known)
    began = after(known, INIT, replace(WEB, container="docker:w1"), containers=[RUNS], time=4.0)
    assert kinds(follower.take(began)) == [("started", "web")]


def test_what_an_engine_will_start_again_has_stopped_and_restarts() -> None:
    waits = after(FULL, INIT, containers=[replace(RUNS, init_pid=None, pids=(), state="restarting")])
    stopped = events(FULL, waits)[0]
    assert stopped.kind == "stopped" and stopped.text.endswith("its engine will start it again")
    assert kinds(events(waits, after(waits, INIT, WEB, containers=[RUNS])))[0] == ("restarted", "web")


@pytest.mark.parametrize(("gap", "kind"), [(RESTART / 2, "restarted"), (RESTART * 2, "started")])
@pytest.mark.parametrize("key", ["docker:w1", "docker:w2"])
def test_a_container_that_comes_back_soon_by_its_key_or_name_has_restarted(key: str, gap: float, kind: str) -> None:
    follower = Follower()
    follower.take(FULL)
    follower.take(ended(code=2))
    gone = after(FULL, INIT, time=100.0)
    assert follower.take(gone)[0].code == 2
    new = replace(RUNS, key=key, id=key.partition(":")[2])
    back = after(gone, INIT, replace(WEB, container=key), containers=[new], time=100.0 + gap)
    found = follower.take(back)[0]
    assert (found.kind, found.subject) == (kind, "web")
    assert ("exit code 2, 5.0 s before" in found.text) == (kind == "restarted")


def test_a_process_that_is_killed_for_want_of_memory_is_told_at_once() -> None:
    follower = Follower()
    follower.take(FULL)
    (oom,) = follower.take(ended(99, 137, oom=True, comm="hog"))
    assert (oom.kind, oom.subject, oom.text, oom.name, oom.time) == ("oom", "web", "killed 99 hog", "web", 1.5)
    assert follower.take(after(FULL, INIT))[0].text == "exit code not known", "the victim was not its first process"
    (oom,) = follower.take(ended(1, 137, oom=True, container=None, comm="init"))
    assert (oom.subject, oom.container, oom.start) == ("1 init", None, 1)


def test_the_containers_that_run_have_started_some_time() -> None:
    later = process(12, 1, start=500, container="docker:a")
    stopped = container("gone", name="gone", state="restarting")
    restarted = container("a", [12], restarts=3)
    known = host(INIT, WEB, later, containers=[restarted, RUNS, stopped])
    usage = HostUsage(1, (0.0,), None, None, 1000.0)
    assert [(e.kind, e.subject, e.time) for e in running(known, usage)] == [
        ("started", "web", 1000.1), ("restarted", "a", 1005.0),
    ]  # fmt: skip
    assert not running(known, None)


# Namespaces and processes


def test_namespaces_of_one_process_are_one_event_and_named_ones_need_none() -> None:
    named = Namespace("net", 30, 4, names=("/run/netns/blue",))
    now = after(EMPTY, INIT, process(5, 1, net=7, uts=8))
    now = advance(now, 2.0, (), (), [named], (), (), ())
    assert {(e.subject, e.text, e.names, is_told(e)) for e in events(EMPTY, now)} == {
        ("uts net", "of 5 p5", (), False),
        ("net:[30]", "mounted at /run/netns/blue", ("/run/netns/blue",), True),
    }
    gone = advance(now, 3.0, (), [5], (), [("net", 30), ("net", 7), ("uts", 8)], (), ())
    assert sorted(kinds(events(now, gone))) == [("gone", "net:[30]"), ("gone", "uts net")]


def test_a_namespace_that_outlives_its_container_by_a_mount_is_gone_with_its_container() -> None:
    mounted = Namespace("net", 20, 4, names=("/run/docker/netns/default",))
    other = Namespace("net", 30, 4, names=("/run/netns/blue",))
    full = advance(FULL, 1.0, (), (), [mounted, other], (), (), ())
    follower = Follower()
    follower.take(full)
    stopped = advance(full, 2.0, (), [10], (), [("pid", 21)], (), [RUNS.key])
    assert kinds(follower.take(stopped)) == [("stopped", "web"), ("gone", "pid:[21]")]
    told = follower.take(advance(stopped, 3.0, (), (), (), [("net", 20), ("net", 30)], (), ()))
    assert {(e.kind, e.subject, e.name, e.container, e.text) for e in told} == {
        ("gone", "net:[20]", "web", "docker:w1", "mounted at /run/docker/netns/default"),
        ("gone", "net:[30]", "", None, "mounted at /run/netns/blue"),
    }


@pytest.mark.parametrize("words", [("bash", "-c", "x " * 500), ("nginx: master process",), ("a\nb", "c" * 9000)])
def test_the_row_of_an_event_has_the_name_of_its_process_and_the_event_the_whole(words: tuple[str, ...]) -> None:
    told = process(5, 1, net=7, comm="told", cmdline=words)
    (born,) = events(EMPTY, now := after(EMPTY, INIT, told))
    (gone,) = events(now, advance(now, 3.0, (), [5], (), [("net", 7)], (), ()))
    port = Listener("tcp", "0.0.0.0", 80, 77, 0, (5,))
    (opened,) = net_events(nets(Net(1, source="netlink")), nets(Net(1, (), (), (port,), source="netlink")), now)
    assert [one.text for one in (born, gone, opened)] == [
        "of 5 told",
        "last of 5 told",
        "by 5 told, in net:[1] of the host",
    ]
    for one in (born, gone, opened):
        assert one.command == told.command
        line = event_lines.line(1, one)
        assert len(line.cells[4].text) < 60 and told.command in line.more


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("container=*", ["a"]),
        ('container=""', ["b"]),
        ("container!=*", ["b"]),
        ("container=a0a0", ["a"]),
        ("container=web", ["a"]),
    ],
)
def test_the_container_of_an_event_is_asked_for_though_it_is_gone(words: str, kept: list[str]) -> None:
    """Not that of a process which is behind an event, or in the namespace of one."""
    own = Event(1.0, "stopped", "a", container="docker:a0a0", name="web")
    wanted = parse(words, fields=event_lines.FIELDS)
    lines = [event_lines.line(1, own), event_lines.line(2, Event(1.0, "added", "b", namespaces=(("net", 20),)))]
    assert [one.cells[3].text for one in lines if wanted.line(one, FULL)] == kept


def test_each_kind_is_counted() -> None:
    every = [Event(1.0, kind, kind) for kind in KINDS for _ in range(KINDS.index(kind) + 1)]
    assert counted(every, KINDS) == ", ".join(f"{n} {k}" for n, k in enumerate(KINDS, 1))
    assert summary(every) == f"{len(every)} events: 4 oom, 2 stopped, 3 restarted" and not summary([])


def test_a_namespace_that_can_no_longer_be_read_is_not_gone() -> None:
    before = host(INIT, process(5, 1, net=7))
    hidden = replace(before.processes[5], namespaces=Namespaces(user=1), unreadable="EACCES")
    now = advance(before, 2.0, [hidden], (), (), [("net", 7)], (), ())
    assert not events(before, now)
    back = advance(now, 3.0, [before.processes[5]], (), [before.namespaces["net", 7]], (), (), ())
    assert not events(now, back), "nor is one new that can be read again"
    child = process(6, 5, net=7)
    assert not events(now, advance(now, 3.0, [child], (), [before.namespaces["net", 7]], (), (), ()))


@pytest.mark.parametrize(("reason", "told"), [("ENOENT", ["born"]), ("EACCES", [])])
def test_a_child_is_in_a_new_namespace_unless_its_parents_could_not_be_read(reason: str, told: list[str]) -> None:
    parent = process(5, 1, namespaces=Namespaces(), unreadable=reason, state="?")
    before = host(INIT, parent)
    assert [event.kind for event in events(before, after(before, INIT, parent, process(6, 5, uts=7)))] == told


def test_a_namespace_that_a_search_finds_is_not_born() -> None:
    found = advance(EMPTY, 2.0, (), (), [Namespace("net", 9, 4)], (), (), ())
    assert not events(EMPTY, searched(found, HolderSearch(1, 2.0, (), 1, {})))


def test_where_others_may_be_unseen_gone_is_as_far_as_is_seen() -> None:
    other = process(8, 1, namespaces=Namespaces(), unreadable="EACCES")
    before = host(INIT, process(5, 1, net=7), other)
    (gone,) = events(before, after(before, INIT, other))
    assert gone.text == "last of 5 p5, as far as is seen"


def test_a_reused_inode_is_one_gone_and_one_born() -> None:
    def at(number: int, member: Process) -> Snapshot:
        namespaces = [*EMPTY.namespaces.values(), Namespace("net", 7, 4, id=number)]
        return snapshot(HOST, 1.0, [INIT, member], namespaces, ())

    assert kinds(events(at(1, process(5, 1, net=7)), at(2, process(6, 1, net=7)))) == [
        ("gone", "net:[7]"), ("born", "net:[7]"),
    ]  # fmt: skip


def test_a_process_joins_or_leaves_for_a_new_one() -> None:
    shell = process(50, 1, comm="sh")
    before = host(INIT, WEB, shell, containers=[RUNS])
    moved = replace(shell, namespaces=replace(shell.namespaces, net=20, uts=99))
    joined = {e.kind: e for e in events(before, after(before, INIT, WEB, moved, containers=[RUNS]))}
    assert set(joined) == {"born", "joined", "unshared"}
    assert (joined["joined"].subject, joined["joined"].text) == ("50 sh", "net:[20] of web")
    assert joined["unshared"].namespaces == (("uts", 99),)
    assert (joined["joined"].name, joined["unshared"].name) == ("web", "")
    back = host(INIT, WEB, moved, containers=[RUNS])
    (home,) = (e for e in events(back, after(back, INIT, WEB, shell, containers=[RUNS])) if e.kind == "joined")
    assert home.text == "uts:[1] of the host, net:[1] of the host"


def test_a_process_that_was_seen_inside_alone_has_joined_if_its_parent_is_outside() -> None:
    """As `nsenter -n sleep 1` has by its first look; its own children are born there."""
    shell = process(50, 1, comm="sh")
    inside = replace(shell.namespaces, net=20)
    sleep = process(60, 50, comm="sleep", namespaces=inside)
    child = process(61, 60, comm="child", namespaces=inside)
    reader = process(65, 50, comm="sh", namespaces=inside, cmdline=shell.cmdline)
    alone = process(62, 1, comm="alone", namespaces=inside)  # who its parent was is not known any more
    fresh = process(63, 50, comm="fresh", namespaces=replace(shell.namespaces, net=77))
    mine = process(64, 50, comm="mine", namespaces=inside, container=WEB.container)
    gone = replace(process(70, 50, comm="gone"), namespaces=inside)
    left = process(71, 70, comm="left", namespaces=shell.namespaces)  # before its parent went
    before = host(INIT, WEB, shell, process(70, 50, comm="gone"), containers=[RUNS])
    now = after(before, INIT, WEB, shell, sleep, child, alone, fresh, mine, reader, gone, left, containers=[RUNS])
    found = [event for event in events(before, now) if event.kind in ("joined", "unshared")]
    assert {(e.kind, e.subject, e.text, e.name) for e in found} == {
        ("joined", "60 sleep", "net:[20] of web", "web"), ("joined", "70 gone", "net:[20] of web", "web"),
    }  # fmt: skip


def test_the_way_of_a_first_process_is_part_of_the_start() -> None:
    runc = replace(WEB, namespaces=INIT.namespaces, container=None)
    before = host(INIT, runc)
    assert kinds(events(before, after(before, INIT, WEB, containers=[RUNS]))) == [
        ("started", "web"),
        ("born", "pid net"),
    ]


def test_an_exit_is_no_move() -> None:
    zombie = replace(WEB, state="Z", namespaces=Namespaces(pid=21, user=1), container=None)
    assert kinds(events(host(INIT, WEB), after(host(INIT, WEB), INIT, zombie))) == [("gone", "net:[20]")]


# A whole and its parts


def history(chance: random.Random, once: bool) -> list[Snapshot]:
    """Snapshots of a host on which containers start, stop and are paused, and processes move. once: each thing at most
    once, so that nothing is undone."""
    processes: dict[int, Process] = {pid: process(pid, 1) for pid in range(1, 8)}
    containers: dict[str, Container] = {}
    number = 100
    for name in "abc":
        number += 1
        processes[number] = process(number, 1, net=number, container=f"docker:{name}")
        containers[f"docker:{name}"] = container(name, [number], name=f"old-{name}", state="running")
    touched: set[object] = set()
    snapshots = [host(*processes.values(), containers=containers.values())]
    for _ in range(chance.randrange(2, 14)):
        number += 1
        match chance.choice(("start", "stop", "pause", "move", "nothing")):
            case "start":
                processes[number] = process(number, 1, net=number, uts=number, container=f"docker:n{number}")
                containers[f"docker:n{number}"] = container(f"n{number}", [number], name=f"new-{number}")
                touched.add(f"docker:n{number}")
            case "stop" if left := [key for key in containers if not (once and key in touched)]:
                del processes[containers.pop(chance.choice(left)).init_pid or 0]
            case "pause" if left := [key for key in containers if not (once and key in touched)]:
                key = chance.choice(left)
                state = "running" if containers[key].state == "paused" else "paused"
                containers[key] = replace(containers[key], state=state)
                touched.add(key)
            case "move":
                pid = chance.randrange(2, 8)
                if not (once and pid in touched):
                    inode = chance.choice((1, number))
                    moved = replace(processes[pid].namespaces, ipc=inode)
                    processes[pid] = replace(processes[pid], namespaces=moved)
                    touched.add(pid)
        now = host(*processes.values(), containers=containers.values())
        snapshots.append(next_to(snapshots[-1], now, float(len(snapshots) + 1)))
    return snapshots


def of_each(found: Sequence[Event]) -> Counter[object]:
    """The events without their times, those of several namespaces one by one."""
    return Counter((e.kind, e.container, key) for e in found for key in e.namespaces or (None,))


def along(snapshots: Sequence[Snapshot]) -> list[Event]:
    return [e for before, now in pairwise(snapshots) for e in events(before, now)]


@pytest.mark.parametrize("seed", range(60))
def test_the_events_of_a_whole_are_those_of_its_parts(seed: int) -> None:
    snapshots = history(random.Random(seed), once=True)
    assert of_each(events(snapshots[0], snapshots[-1])) == of_each(along(snapshots))
    apart = [snapshot(s.host, s.taken_at, s.processes.values(), s.namespaces.values(), s.containers.values())
             for s in snapshots]  # fmt: skip
    assert along(apart) == along(snapshots), "whether or not the changes were told"


@pytest.mark.parametrize("seed", range(60))
def test_the_events_of_a_history_lead_from_its_beginning_to_its_end(seed: int) -> None:
    snapshots = history(random.Random(seed), once=False)
    alive, there = set(snapshots[0].containers), set(snapshots[0].namespaces)
    follower = Follower()
    for event in (event for said in snapshots for event in follower.take(said)):
        match event.kind:
            case "started" | "restarted":
                assert event.container not in alive
                alive.add(event.container or "")
            case "stopped":
                alive.remove(event.container or "")
            case "born":
                assert not there & set(event.namespaces)
                there.update(event.namespaces)
            case "gone":
                there -= set(event.namespaces)
    assert alive == set(snapshots[-1].containers) and there == set(snapshots[-1].namespaces)


def test_another_view_of_the_host_and_a_part_are_no_events() -> None:
    follower = Follower()
    assert not follower.take(replace(FULL, partial=True)) and not follower.take(EMPTY)
    as_user = replace(FULL, host=replace(HOST, uid=1000))
    assert not follower.take(as_user)
    greeted = replace(EMPTY, host=replace(as_user.host, notes=("a file could not be read",)))
    assert kinds(follower.take(greeted))[0] == ("stopped", "web"), "another note is no other view"


# Net namespaces from within


def nets(*found: Net) -> Nets:
    return Nets(5.0, found)


def test_interfaces_and_listeners_come_and_go() -> None:
    lo, eth, veth = Interface(1, "lo"), Interface(2, "eth0", "veth", addresses=("10.0.0.2/24",)), Interface(9, "veth1")
    port = Listener("tcp", "0.0.0.0", 80, 77, 0, (10,))
    old = nets(Net(1, (lo,), source="netlink"))
    new = nets(Net(1, (lo, veth), source="netlink"), Net(20, (lo, eth), (), (port,), source="netlink"))
    came = net_events(old, new, FULL)
    assert [(e.kind, e.subject, e.name) for e in came] == [
        ("added", "veth1", ""), ("added", "eth0", "web"), ("opened", "tcp 0.0.0.0:80", "web"),
    ]  # fmt: skip
    assert came[1].text == "in net:[20] of web: veth 10.0.0.2/24" and came[2].text.startswith(
        "by 10 nginx, in net:[20]"
    )
    assert [(e.kind, e.subject) for e in net_events(new, old, EMPTY)] == [
        ("removed", "veth1"), ("removed", "eth0"), ("closed", "tcp 0.0.0.0:80"),
    ]  # fmt: skip
    other = nets(Net(1, (lo, replace(veth, name="lan")), source="netlink"), new.nets[1])
    assert [(e.kind, e.subject) for e in net_events(new, other, FULL)] == [("renamed", "lan")]


def test_interfaces_that_could_not_be_listed_are_neither_gone_nor_new() -> None:
    whole = Net(1, (Interface(3, "veth1"),), source="netlink")
    for part in (Net(1, unreadable="EACCES"), replace(whole, interfaces=(), left_out=1), Net(1, source="proc")):
        assert not net_events(nets(whole), nets(part), EMPTY) and not net_events(nets(part), nets(whole), EMPTY)
    assert not net_events(nets(whole), nets(), EMPTY), "the namespace is there, so it was not read"


def test_a_follower_compares_readings_once_there_are_two() -> None:
    follower = Follower()
    one, two = nets(Net(1, source="netlink")), nets(Net(1, (Interface(3, "veth1"),), source="netlink"))
    follower.take(EMPTY)
    assert not follower.take(one) and kinds(follower.take(two)) == [("added", "veth1")]


# Lines


def test_filters_find_events_by_kind_container_pod_and_code() -> None:
    gone = after(FULL, INIT)
    found = [*events(EMPTY, FULL), *events(FULL, gone, {"docker:w1": ended(code=137)})]
    lines = [event_lines.line(number, event) for number, event in enumerate(found)]

    def kept(expression: str) -> list[str]:
        return [line.cells[1].text for line in left(lines, expression, gone, event_lines.FIELDS)]

    assert kept("kind=stopped") == kept("code=137") == kept("code>=1") == ["stopped"]
    assert kept("container=web") == ["started", "born", "stopped", "gone"], "though it is not there any more"
    assert kept("21") == ["born", "gone"] and kept("kind=oom") == kept("container=other") == []
    podded = replace(found[0], pod="shop/web-1")
    assert left([event_lines.line(1, podded)], "pod=shop/web-1", gone, event_lines.FIELDS)


def test_an_event_leads_to_the_thing_if_that_is_there() -> None:
    started, born = events(EMPTY, FULL)
    assert behind(started, FULL) == "docker:w1" and behind(born, FULL) == "docker:w1"
    assert behind(started, EMPTY) is None
    reused = host(INIT, replace(WEB, start=999, container=None, namespaces=INIT.namespaces))
    assert behind(started, reused) is None, "another process has the pid"
    (joined,) = (Event(1.0, "joined", "10 nginx", pid=10, start=10, namespaces=(("net", 20),)),)
    assert behind(joined, FULL) == 10 and behind(joined, reused) is None
    assert behind(Event(1.0, "born", "net:[20]", namespaces=(("net", 20),)), FULL) == ("net", 20)


def test_a_summary_counts_and_names_the_worst() -> None:
    assert summary([]) == ""
    found = [Event(1.0, kind, "x") for kind in ("started", "born", "oom", "stopped", "stopped")]  # type: ignore[arg-type]
    assert summary(found) == "5 events: 1 oom, 2 stopped"
