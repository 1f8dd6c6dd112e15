"""Who USER[:GROUP] is by the text of passwd(5) and group(5), however these are written."""

import pytest

from nsview.join.accounts import resolve
from nsview.join.failure import Failure

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
1000:x:0:0:a name like a number::/bin/sh
broken:x:zero:0::/:/bin/sh
short:x:5
app:x:1000:1001:app:/home/app:/bin/sh
app:x:0:0:a second of that name:/root:/bin/sh
huge:x:99999999999999999999:0::/:/bin/sh
negative:x:-1:0::/:/bin/sh
"""
GROUP = """\
root:x:0:
app:x:1001:
extra:x:2000:other,app
twice:x:2000:app
apples:x:2001:apple
broken:x:none:app
1001:x:0:app
"""


@pytest.mark.parametrize(
    ("asked", "uid", "gid", "groups", "home"),
    [
        ("root", 0, 0, (), "/root"),
        ("app", 1000, 1001, (2000, 0), "/home/app"),
        ("1000", 1000, 1001, (2000, 0), "/home/app"),
        ("app:", 1000, 1001, (2000, 0), "/home/app"),
        ("app:extra", 1000, 2000, (), "/home/app"),
        ("app:1001", 1000, 1001, (), "/home/app"),
        ("app:77", 1000, 77, (), "/home/app"),
        ("1234", 1234, 0, (), None),
        ("1234:5678", 1234, 5678, (), None),
    ],
)
def test_names_and_numbers(asked: str, uid: int, gid: int, groups: tuple[int, ...], home: str | None) -> None:
    found = resolve(asked, PASSWD, GROUP)
    assert (found.uid, found.gid, found.groups, found.home, found.asked) == (uid, gid, groups, home, asked)


@pytest.mark.parametrize(
    "asked", ["nobody", "broken", "short", "huge", "negative", "", ":0", "-1", "app:none",
              "app:broken", "app:-1", "\u0661"],
)  # fmt: skip
def test_what_is_neither_is_nobody(asked: str) -> None:
    with pytest.raises(Failure) as refused:
        resolve(asked, PASSWD, GROUP)
    assert refused.value.code == 1 and refused.value.text.endswith("give a number")


@pytest.mark.parametrize("asked", ["2147483648", "4294967295", "99999999999"])
def test_a_number_that_no_user_can_have_is_said_to_be_one(asked: str) -> None:
    with pytest.raises(Failure) as refused:
        resolve(asked, PASSWD, GROUP)
    assert refused.value.code == 2 and "no number of a user" in refused.value.text


def test_no_file_is_no_obstacle_for_numbers() -> None:
    assert resolve("5:6", "", "").gid == 6
