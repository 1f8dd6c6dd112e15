"""The directories that modules may be imported from while nsview runs as root, and the owner of the installation.

`python -m` puts the working directory first on sys.path, and PYTHONPATH may name any directory: a file argparse.py
there would be executed as root. docs/security.md tells of the modules that the interpreter imports before `guard`.
"""

import os
import sys

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_ROOT = os.path.dirname(_PACKAGE)
_LIBRARY = os.path.dirname(os.__file__)
_UNMAPPED = 65534
"""The owner that files of unmapped users have in a user namespace, user_namespaces(7)."""
OTHERS = -1
"""More than one user: a group, or everybody."""


def guard() -> None:
    """Remove the working directory from sys.path and, for root, each directory that is neither the interpreter's, the
    installation's nor root's alone.

    Called before anything else is imported. The modules of nsview are found by their package, wherever that is.
    """
    if sys.path and not sys.flags.safe_path and sys.path[0] in ("", _absolute("")):
        del sys.path[0]
    if os.geteuid() == 0:
        named = "" if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", "")
        asked = {_absolute(entry) for entry in named.split(os.pathsep)} if named else set()
        last = [_ROOT] if _ROOT in asked and _ROOT in sys.path else []  # behind the standard library
        sys.path[:] = [entry for entry in sys.path if entry not in last and _kept(entry, entry in asked)] + last


def _absolute(entry: str) -> str | None:
    try:
        return os.path.abspath(entry)
    except OSError:
        return None  # the working directory is deleted


def _kept(entry: str, asked: bool) -> bool:
    """True if root may import from a directory. asked: PYTHONPATH names it too."""
    if not os.path.isabs(entry):
        return False
    if entry == _LIBRARY or entry.startswith(_LIBRARY + "/"):
        return True
    prefixes = (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    own = entry == _ROOT or any(entry.startswith(prefix.rstrip("/") + "/") for prefix in prefixes)
    return not asked and (own or _writer(entry) is None)


def _writer(path: str, *, look_up: bool = False) -> int | None:
    """The uid of a user other than root, or OTHERS, who can write to a file or directory or redirect its path. None if
    there is none. look_up: ask whether a group has members besides root, which needs imports."""
    for whole in {path, os.path.realpath(path)}:
        place, above = whole, ""
        while place != above:
            try:
                found = os.lstat(place)
            except OSError:
                pass  # without the file, a user who can write to the directory above may create it
            else:
                if found.st_uid:
                    return found.st_uid
                # In a sticky directory others can create files, but replace none of root's.
                sticky = found.st_mode & 0o1000 and above
                by_group = found.st_mode & 0o020 and not (look_up and _root_alone_in(found.st_gid))
                if not sticky and not os.path.islink(place) and (found.st_mode & 0o002 or by_group):
                    return OTHERS
            place, above = os.path.dirname(place), place
    return None


def installation_owner() -> int | None:
    """The uid of an ordinary user, or OTHERS, who can write the package, its interpreter or a directory of its
    libraries. None if only root can."""
    for path in (_PACKAGE, sys.executable, _LIBRARY, *sys.path):
        owner = _writer(path, look_up=True) if path else None
        if owner is not None and not (owner == _UNMAPPED and _in_user_namespace()):
            return owner
    return None


def _root_alone_in(gid: int) -> bool:
    import grp

    try:
        return all(name == "root" for name in grp.getgrgid(gid).gr_mem)
    except KeyError:
        return False  # the group is not known


def _in_user_namespace() -> bool:
    """True if some user has no number here."""
    try:
        with open("/proc/self/uid_map") as file:
            return file.read().split() != ["0", "0", str(2**32 - 1)]
    except OSError:
        return True


def note() -> str | None:
    """A line to show before this installation runs as root. None if only root can change the installation."""
    owner = installation_owner()
    if owner is None:
        return None
    whose = "can be written by others than root" if owner == OTHERS else f"belongs to uid {owner}"
    return f"note: this installation {whose}, who can become root through it; see docs/security.md"
