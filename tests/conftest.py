"""What every test may rely on: a terminal that is the same everywhere, and a CI that cannot pass by skipping.

Some variables change colours, themes or sizes of what Textual and Rich draw; they are removed before a test module is
imported. With CI=true a skipped test marked `real` (or a whole skipped module of them) fails the session.
"""

import os

import pytest

_STYLED_BY = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "COLORFGBG", "COLUMNS", "LINES")

for _name in list(os.environ):
    if _name in _STYLED_BY or _name.startswith(("TEXTUAL", "NSVIEW_", "RICH_", "TTY_", "XDG_")):
        del os.environ[_name]
os.environ["TERM"] = "xterm-256color"
os.environ["LC_ALL"] = "C.UTF-8"
os.environ["XDG_STATE_HOME"] = "/dev/null/state"  # each run is the first one, and none is remembered
os.environ["PYTHONUTF8"] = "1"  # for the interpreters that tests start

_skipped: list[str] = []


def in_ci() -> bool:
    """Whether a test that cannot run here is a failure."""
    return os.environ.get("CI") == "true"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and "real" in report.keywords and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    # A module that skips itself as a whole never reports its tests; its marks are not known either, but its place is.
    if report.skipped and "tests/real/" in f"{report.fspath}/":
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if in_ci() and _skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if in_ci() and _skipped:
        terminalreporter.section("skipped, which CI=true does not allow", red=True)
        for nodeid in _skipped:
            terminalreporter.line(nodeid)
