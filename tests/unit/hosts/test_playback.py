"""A recording that is played and gone about in shows at each place what was live then."""

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import pytest

from nsview.hosts import frames
from nsview.hosts.members import Writer
from nsview.hosts.playback import Playback
from nsview.hosts.recording import RecordedHost
from nsview.hosts.recording import opened as opened_by
from nsview.model.changes import changes
from nsview.model.events.follower import Follower
from nsview.model.snapshot import Snapshot

from .test_members import frames_of, same, take
from .test_recording_moments import BEGAN

ROOT = Path(__file__).resolve().parents[3]


class Player:
    """A playback in a thread of its own."""

    def __init__(self, playback: Playback) -> None:
        self.playback = playback
        self.shown: Queue[Snapshot] = Queue()
        self.told: Queue[str] = Queue()
        playback.on_change = lambda: self.told.put(playback.said)
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        for said in self.playback.read():
            if isinstance(said, Snapshot):
                self.shown.put(said)

    def next(self) -> Snapshot:
        return self.shown.get(timeout=20)

    def says(self, words: str) -> None:
        while words not in self.told.get(timeout=20):
            pass


@contextlib.contextmanager
def playing(place: str) -> Iterator[Player]:
    player = Player(opened_by(place, Playback))
    try:
        yield player
    finally:
        player.playback.stop()
        player.thread.join(20)
        assert not player.thread.is_alive()


@pytest.fixture(params=[(1, 40), (2, 6)], ids=["many members", "few"])
def recorded(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, list[Snapshot]]:
    seed, number = request.param
    path = tmp_path / "r"
    with contextlib.closing(Writer(str(path))) as writer:
        told = take(writer, frames_of(seed, number, BEGAN, 10.0))
    return path, [snapshot for _, snapshot in told[1:]]  # the first is without the search of that moment


def test_steps_lead_through_every_change_and_back(recorded: tuple[Path, list[Snapshot]]) -> None:
    path, live = recorded
    with playing(f"{path}@+0s") as player:
        player.next()
        assert not player.playback.playing
        for snapshot in live[1:]:
            player.playback.step(1)
            assert same(player.next(), snapshot)
        player.playback.step(1)
        player.says("nothing comes after this")
        for snapshot in reversed(live[:-1]):
            player.playback.step(-1)
            shown = player.next()
            assert same(shown, snapshot) or shown.taken_at == snapshot.taken_at == BEGAN
        assert player.shown.empty()


def test_it_goes_to_a_moment(recorded: tuple[Path, list[Snapshot]]) -> None:
    path, live = recorded
    with playing(f"{path}@-0s") as player:
        assert same(player.next(), live[-1])
        for snapshot in live[2:-1:3]:
            player.playback.go(snapshot.taken_at + 3)
            assert same(player.next(), snapshot)
            assert player.playback.moment == snapshot.taken_at + 3
        player.playback.go(0.0)
        assert player.next().taken_at == BEGAN


def state_of(pid: int) -> Callable[[Snapshot], object]:
    return lambda snapshot: snapshot.processes.get(pid)


@pytest.mark.parametrize("pid", [3, 7, 29])
def test_it_goes_to_the_next_change_of_one_thing_and_back(recorded: tuple[Path, list[Snapshot]], pid: int) -> None:
    path, live = recorded
    state = state_of(pid)
    wanted = [now for before, now in itertools.pairwise(live) if state(before) != state(now)]
    with playing(f"{path}@+0s") as player:
        player.next()
        for snapshot in wanted:
            player.playback.seek(1, state)
            assert same(player.next(), snapshot)
        player.playback.seek(1, state)
        player.says("it does not change after this")
        for snapshot in reversed(wanted[:-1]):
            player.playback.seek(-1, state)
            assert same(player.next(), snapshot)
        player.playback.seek(-1, state)
        player.says("it does not change before this")
        assert player.shown.empty()


def test_it_plays_to_the_end_and_rests_there(tmp_path: Path) -> None:
    path = tmp_path / "r"
    with contextlib.closing(Writer(str(path))) as writer:
        live = [snapshot for _, snapshot in take(writer, frames_of(4, 12, BEGAN, 0.06))]
    with playing(str(path)) as player:
        shown = [player.next()]
        while not same(shown[-1], live[-1]):
            shown.append(player.next())
        assert [one.taken_at for one in shown] == sorted({one.taken_at for one in shown})
        player.says("")
        while player.playback.playing:
            player.says("")
        player.playback.play()  # from the beginning again
        assert player.next().taken_at == BEGAN


def test_the_processes_that_came_and_went_are_counted(recorded: tuple[Path, list[Snapshot]]) -> None:
    path, live = recorded
    happened = [changes(before, now) for before, now in itertools.pairwise(live)]
    wanted = sum(len(one.new) + len(one.gone) for one in happened)
    playback = Playback(path)
    playback._survey()
    assert sum(number for _, _, number in playback.activity) == wanted
    begin, end = playback.span
    assert all(begin <= one <= other <= end for one, other, _ in playback.activity)


def test_the_use_and_the_nets_are_told_as_they_come(tmp_path: Path) -> None:
    from .test_recording_moments import lines

    path = tmp_path / "r"
    with contextlib.closing(Writer(str(path))) as writer:
        take(writer, lines(3, apart=0.01))
    playback = Playback(path)
    said = playback.read()
    kinds = {type(next(said)) for _ in range(6)}
    assert {Snapshot, frames.Links} <= kinds
    assert RecordedHost(path).nets() is not None


@pytest.mark.parametrize("path", ["nsview/demo.jsonl.gz", "screenshots/shop.jsonl.gz"])
def test_played_it_tells_of_the_same_events_as_read_at_once(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exits and net namespaces too, without which an exit code would not be known."""
    monkeypatch.setattr("nsview.hosts.playback.LONGEST", 0)
    file, once, played = ROOT / path, Follower(), Follower()
    events = [event for said in RecordedHost(file).read() for event in once.take(said)]
    playback = Playback(file)
    told = []
    for said in playback.read():
        told += played.take(said)
        if playback._coming is None:
            playback.stop()
    assert told == events and events
