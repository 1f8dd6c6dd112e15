"""The arithmetic and the order of paired runs. Nothing here depends on how fast a machine is."""

import sys
from collections.abc import Iterator

import pytest

from bench.pairs import Figure, Result, RunFailed, command, compare, duration, latencies, percentile, table


def test_ratio_is_of_the_medians_and_pairwise_is_the_median_of_ratios() -> None:
    result = Result("x", "", ours=(1.0, 2.0, 9.0), peer=(4.0, 2.0, 10.0))
    assert result.ratio == 2.0 / 4.0
    assert result.pairwise == 0.9  # of 0.25, 1.0 and 0.9


@pytest.mark.parametrize(("target", "met"), [(None, None), (0.5, True), (0.49, False)])
def test_target_holds_for_the_ratio_of_the_medians(target: float | None, met: bool | None) -> None:
    assert Result("x", "", ours=(1.0,), peer=(2.0,), target=target).met is met


def test_compare_runs_in_turns_and_does_not_count_the_first_of_each() -> None:
    order: list[str] = []

    def run(name: str, times: Iterator[float]) -> float:
        order.append(name)
        return next(times)

    ours, peer = iter([99.0, 1.0, 2.0]), iter([99.0, 3.0, 4.0])
    result = compare("x", "", lambda: run("ours", ours), lambda: run("peer", peer), pairs=2)
    assert order == ["ours", "peer"] * 3
    assert (result.ours, result.peer) == ((1.0, 2.0), (3.0, 4.0))


def test_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(RunFailed, match="exit 3: went wrong"):
        command([sys.executable, "-c", "import sys; print('went wrong', file=sys.stderr); sys.exit(3)"])()
    with pytest.raises(RunFailed, match="no-such-program"):
        command(["no-such-program"])()
    assert command([sys.executable, "-c", ""])() > 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5.012, "5.01 s"), (0.4121, "412 ms"), (0.0123, "12.3 ms"), (0.00832, "8.32 ms"), (0.0000793, "79.3 µs")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_table_has_a_line_for_each_result_all_of_one_width() -> None:
    results = [Result("a", "one", (1.0,), (2.0,), 0.3), Result("longer", "another", (0.001,), (0.002,))]
    lines = table(results).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert [line.split("|")[1].strip() for line in lines] == ["id", "-" * 8, "a", "longer"]
    assert lines[2].split("|")[-2].strip() == "missed"


def test_figure_has_its_line_in_the_same_table() -> None:
    figures = [
        Figure("idle", "quiet", 2.345, "%", 1.5, peer=23.0),
        latencies("fork", "on the screen", [0.01] * 95 + [0.2] * 5, 0.1),
    ]
    lines = table([Result("a", "one", (1.0,), (2.0,), 0.3), *figures]).splitlines()
    assert len({len(line) for line in lines}) == 1
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[3:]]
    assert cells[0] == ["idle", "quiet", "2.3 %", "23 %", "0.10", "-", "≤ 1.5 %", "missed"]
    assert cells[1][1:3] == ["on the screen: p95 (p50 10.0 ms, worst 200 ms, n=100)", "10.0 ms"]
    assert cells[1][-2:] == ["≤ 100 ms", "met"]


def test_percentile_is_one_of_the_values() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, p) for p in (50, 95, 100)] == [50.0, 95.0, 100.0]
    assert percentile([7.0], 95) == 7.0
