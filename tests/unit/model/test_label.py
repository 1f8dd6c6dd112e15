"""Groups that are no containers, named for what they are."""

from typing import Any

import pytest

from nsview.model.label import label
from nsview.model.records import Namespace
from tests.unit.make import container, host, process

NET = 2


def labelled(**fields: Any) -> str | None:
    snapshot = host(process(1, 0), process(7, **{"net": NET, **fields}), process(8, 7, net=NET))
    return label(snapshot.namespaces["net", NET], snapshot)


@pytest.mark.parametrize(
    ("expected", "fields"),
    [
        ("service systemd-resolved", {"cgroup": "/system.slice/systemd-resolved.service"}),
        ("service a", {"cgroup": "/system.slice/a.service/sub"}),
        ("service pipewire", {"cgroup": "/user.slice/u/user@1000.service/session.slice/pipewire.service"}),
        ("service getty@tty1", {"cgroup": "/system.slice/system-getty.slice/getty@tty1.service"}),
        ("snap firefox", {"cgroup": "/user.slice/u/app.slice/snap.firefox.firefox-0a.scope"}),
        ("snap lxd", {"cgroup": "/system.slice/snap.lxd.daemon.service"}),
        ("flatpak org.gimp.GIMP", {"cgroup": "/user.slice/u/app.slice/app-flatpak-org.gimp.GIMP-4711.scope"}),
        ("chrome sandbox", {"cmdline": ("/opt/google/chrome/chrome", "--type=zygote")}),
        ("firefox sandbox", {"cmdline": ("/usr/lib/firefox/firefox-bin", "-contentproc", "-childID", "1")}),
        ("bubblewrap sandbox", {"cmdline": ("bwrap", "--unshare-net", "sh")}),
        ("unshare", {"cmdline": ("/usr/bin/unshare", "--net", "sh")}),
        ("kernel", {"kthread": True, "cmdline": ()}),
    ],
)
def test_label(expected: str, fields: dict[str, Any]) -> None:
    assert labelled(**fields) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"cgroup": "/user.slice/user-1000.slice/user@1000.service"},
        {"cgroup": "/user.slice/user-1000.slice/user@1000.service/app.slice"},
        {"cgroup": "/system.slice/a.services"},
        {"cgroup": "/system.slice/.service"},
        {"cgroup": "/snap.firefox.scoped/x"},
        {"cmdline": ("sh", "-c", "unshare")},
        {"cmdline": ("not-unshare",)},
    ],
)
def test_what_nothing_tells_has_no_label(fields: dict[str, Any]) -> None:
    assert labelled(**fields) is None


def test_a_container_is_not_labelled_nor_is_the_host() -> None:
    one = process(7, net=NET, container="docker:web", cgroup="/system.slice/a.service")
    snapshot = host(process(1, 0), one, containers=[container("web", (7,))])
    assert label(snapshot.namespaces["net", NET], snapshot) is None
    assert label(snapshot.namespaces["net", 1], snapshot) is None


def test_the_child_of_unshare_is_unshares() -> None:
    made = process(7, cmdline=("unshare", "--pid", "--fork", "sleep"))
    snapshot = host(process(1, 0), made, process(9, 7, pid=NET, cmdline=("sleep",)))
    assert label(snapshot.namespaces["pid", NET], snapshot) == "unshare"


def test_the_oldest_member_tells() -> None:
    young = process(5, net=NET, start=100, cmdline=("bwrap",))
    old = process(6, net=NET, start=50, cgroup="/system.slice/a.service")
    snapshot = host(process(1, 0), young, old)
    assert label(snapshot.namespaces["net", NET], snapshot) == "service a"


def test_without_members_there_is_nothing_to_tell() -> None:
    assert label(Namespace("net", 9, 4), host(process(1, 0))) is None
