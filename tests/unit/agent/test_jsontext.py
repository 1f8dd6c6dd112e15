"""JSON that is read without the module json."""

import json
import subprocess
import sys
from pathlib import Path

import nsview

_WHOLE = '{"a": [1, -2.5e3, true, null, "\\u00e9\\n\\\\"], "b": {"c": {}}, "d": NaN}'
_DAMAGES = [
    *(_WHOLE[:end] for end in range(len(_WHOLE))),
    *(_WHOLE[:at] + "\x01" + _WHOLE[at + 1 :] for at in range(len(_WHOLE))),
    *("[" * 99_999, '{"a":' * 99_999, "\ufeff{}", '"\\x"', '"\\ud800', "{1: 2}", "[1,]", '{"a":1,}', "1" * 9_999),
]

# In an interpreter of its own, as this one has the module json: the scanner's errors are that module's.
_EACH = """
import sys
sys.path.append(sys.argv[1])
from nsview.agent import jsontext
for number in range(int(sys.argv[2])):
    text = sys.stdin.buffer.read(int(sys.stdin.buffer.readline()))
    try:
        print("value", ascii(jsontext.value(text)))
    except (ValueError, RecursionError):
        print("none")
assert "json" not in sys.modules
"""


def _by_json(text: str) -> str:
    try:
        return f"value {json.loads(text)!a}"
    except (ValueError, RecursionError):
        return "none"


def test_what_is_damaged_is_no_value_whatever_is_imported() -> None:
    encoded = [text.encode() for text in [_WHOLE, *_DAMAGES]]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _EACH, str(Path(nsview.__file__).parent.parent), str(len(encoded))],
        input=b"".join(b"%d\n%s" % (len(text), text) for text in encoded), capture_output=True, check=False,
    )  # fmt: skip
    assert done.stderr == b""
    assert done.stdout.decode().splitlines() == [_by_json(text) for text in [_WHOLE, *_DAMAGES]]
