"""The first line: what is told of the host in the room that there is."""

import pytest
from rich.cells import cell_len

from nsview.model.usage import HostUsage, Meter, Usage
from nsview.model.usage_table import heading, host_brief
from nsview.tui.text.bar_text import status
from tests.unit.make import host, process

GIB = 1 << 30


def reading(**fields: object) -> Usage:
    told: dict[str, object] = {
        "processors": 2, "load": (1.5, 1.0, 0.5), "memory": 8 * GIB, "memory_available": 6 * GIB, "booted": 1000.0
    }  # fmt: skip
    return Usage(1000.0 + 3 * 86400, 1.0, 0.0, HostUsage(**(told | fields)), (), ())  # type: ignore[arg-type]


def test_load_memory_and_uptime_are_told_in_a_few_words() -> None:
    assert host_brief(reading()) == "load 1.50  memory 25%  up 3d"
    assert host_brief(reading(load=(), memory=None, booted=None)) == ""


def test_no_more_memory_is_available_than_there_is() -> None:
    """As a host may say that is not to be believed."""
    assert host_brief(reading(memory_available=9 * GIB)) == "load 1.50  up 3d"
    assert "memory" not in heading("2 containers", Meter(host=reading(memory_available=9 * GIB).host))


@pytest.mark.parametrize(
    ("width", "filter", "told", "untold"),
    [
        (160, "", ("Linux 6.18.0", "as root", "load 1.50  memory 25%  up 3d"), ()),
        (112, "container=web", ("as root", "load 1.50", "/container=web"), ("Linux",)),
        (80, "", ("load 1.50", "0 containers"), ("Linux", "as root")),
        (80, "container=web not name=sleep", ("/container=web not name=sleep", "live"), ("containers",)),
        (40, "", ("host", "live"), ("load",)),
    ],
)
def test_the_line_is_as_wide_as_the_screen_and_has_what_fits(
    width: int, filter: str, told: tuple[str, ...], untold: tuple[str, ...]
) -> None:
    snapshot = host(process(1, 0))
    use = host_brief(reading())
    line = "".join(text for text, _ in status(snapshot, width, source="live", filter=filter, use=use))
    assert cell_len(line) == width
    assert all(words in line for words in told) and not any(words in line for words in untold), line
