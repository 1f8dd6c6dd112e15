"""Namespaces as trees: pid and user namespaces below their parents, and all below the user namespace that owns them.

A namespace whose parent or owner is out of view stands at the top, as does the host's first one: the kernel tells
nothing above it (ioctl_nsfs(2)), so several tops are usual.
"""

from typing import Literal

from msgspec import Struct

from .guides import cut
from .kinds import KIND_NAMES
from .records import Namespace, NamespaceKey
from .snapshot import Snapshot

By = Literal["owner", "parent"]


class Branch(Struct, frozen=True):
    """One namespace in its place. depth: 0 at the top. guides: the lines before it, as far as they are drawn.

    out_of_view: the namespace above it can't be seen.
    """

    namespace: Namespace
    depth: int
    guides: str
    out_of_view: bool


def above(namespace: Namespace, by: By) -> NamespaceKey | None:
    """The key of the namespace above. None at the top, or if the one above is out of view.

    By owner a user namespace stands below its parent, which is its owner (user_namespaces(7)).
    """
    if by == "owner":
        return None if namespace.owner is None else ("user", namespace.owner)
    return None if namespace.parent is None else (namespace.type, namespace.parent)


def tree(snapshot: Snapshot, by: By) -> list[Branch]:
    """All namespaces of the tree, top to bottom; by parent only those of kinds pid and user."""
    order = {kind: index for index, kind in enumerate(KIND_NAMES)}
    children: dict[NamespaceKey | None, list[Namespace]] = {}
    for namespace in snapshot.namespaces.values():
        if by == "parent" and namespace.type not in ("pid", "user"):
            continue
        key = above(namespace, by)
        # The namespace above may have gone while the others were looked at.
        children.setdefault(key if key in snapshot.namespaces and key != namespace.key else None, []).append(namespace)
    for siblings in children.values():
        siblings.sort(key=lambda n: (n.type == "user" and by == "owner", order[n.type], not n.initial, n.inode))
    found: list[Branch] = []
    # (namespace, guides of its row, guides of the rows below it, depth); a stack, as frames may contain any depth.
    stack = [(namespace, "", "", 0) for namespace in reversed(children.get(None, ()))]
    seen: set[NamespaceKey] = set()
    while stack:
        namespace, guides, below, depth = stack.pop()
        if namespace.key in seen:
            continue
        seen.add(namespace.key)
        found.append(Branch(namespace, depth, guides, by in namespace.out_of_view))
        own = children.get(namespace.key, [])
        for child in reversed(own):
            last = child is own[-1]
            stack.append(
                (child, cut(below + ("└─ " if last else "├─ ")), cut(below + ("   " if last else "│  ")), depth + 1)
            )
    return found
