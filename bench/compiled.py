"""The C programs of the benchmarks, compiled when they are first needed."""

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

_HERE = Path(__file__).resolve().parent


@functools.cache
def _directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="nsview-bench-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


@functools.cache
def compiled(name: str) -> str:
    """The path of NAME.c as a program. OSError where it could not be made."""
    program = _directory() / name
    words = ["cc", "-O2", "-Wall", "-Wextra", "-static", "-o", str(program), str(_HERE / f"{name}.c")]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    except FileNotFoundError:
        raise OSError("a C compiler is needed: apt-get install gcc libc6-dev") from None
    if done.returncode != 0:
        raise OSError(f"{name}.c: {done.stderr.strip()}")
    return str(program)
