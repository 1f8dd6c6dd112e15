"""Filters: a tree of an expression made into functions that tell whether a record matches.

A process matches or does not. For a namespace or a container itself, apart from its processes, a test is three-valued:
a test that only concerns processes is None (unknown), and so is `not` of it. So `not nginx` leaves the processes that
are not nginx, and not every namespace with all its processes.

A line of a lens matches or does not. Words are searched in the text of the line; a field is the line's own, or that of
the thing behind it: of a namespace or a container itself, or of any process in it.
"""

import fnmatch
import operator
import re
from collections.abc import Callable, Collection, Iterable
from functools import reduce
from typing import Any

from msgspec.structs import replace

from ..counts import nprocs
from ..kinds import KIND_NAMES, KindName
from ..label import label
from ..members import USUALLY_SHARED, containers_of
from ..records import Container, Namespace, Process
from ..snapshot import Snapshot
from ..table import Line, Thing
from .fields import FIELDS, Fields
from .grammar import And, Node, Not, Or, Test, Word, tree
from .reach import Reach
from .sought import Sought
from .texts import Texts, container_text, namespace_text

OfProcess = Callable[[Process, Snapshot], bool]
OfMany = Callable[[Collection[int], Snapshot], set[int]]
OfNamespace = Callable[[Namespace, Snapshot], bool | None]
OfContainer = Callable[[Container, Snapshot], bool | None]
OfLine = Callable[[Line, Snapshot], bool]


class Filter:
    """A filter ready for use; an empty one leaves all records.

    text: the expression. by: the grouping or listing: `host`, `shared>1` and `type` concern that kind, or any kind if
    it is none. local: the result for a process depends only on the process's record and its container's, so it holds
    while these stay. needs_nets: it tests ports, addresses or interfaces; about_nets: or has words that may be such.
    kinds: those of the namespaces that the result for a process depends on. sought: the texts to be marked.
    """

    def __init__(
        self, text: str = "", by: str | None = None, texts: Texts | None = None, nets: Reach | None = None,
        fields: Fields = FIELDS,
    ) -> None:  # fmt: skip
        self.text = text
        self.by = by
        self.fields = fields
        self.node = tree(text, fields)
        self.sought = Sought(self.node)
        self._texts, self._nets = texts if texts is not None else Texts(), nets
        self._others: dict[str | None, Filter] = {by: self}
        names = {test.field.name for test in _comparisons(self.node)}
        # A lens with such a column of its own does not need the net namespaces.
        self.needs_nets = any(test.field.name in _OF_NETS and not test.field.line for test in _comparisons(self.node))
        self.about_nets = self.needs_nets or any(map(_NET_LIKE.fullmatch, _words(self.node)))
        self.local = not names & {"shared", "nprocs", "label"} and not (self.about_nets and nets)
        self.kinds = set(KIND_NAMES) if any(map(_like_inode, _words(self.node))) else set()
        self.kinds.update(*map(_kinds, _comparisons(self.node)))
        self._by_kind = bool(names & {"type", "host", "shared", "nprocs"})
        made = _Maker(by, self._texts, nets or Reach())
        self._process = made.process(self.node) if self.node else None
        self._among = made.among(self.node) if self.node else None
        self._namespace = made.namespace(self.node) if self.node else None
        self._container = made.container(self.node) if self.node else None
        self._line = made.line(self.node) if self.node else None

    def __bool__(self) -> bool:
        return self.node is not None

    def process(self, process: Process, snapshot: Snapshot) -> bool:
        """True if the process matches."""
        return self._process is None or self._process(process, snapshot)

    def among(self, pids: Collection[int], snapshot: Snapshot) -> set[int]:
        """The pids, of these, of the processes that match: words are searched in all texts in one go."""
        return set(pids) if self._among is None else self._among(pids, snapshot)

    def namespace(self, namespace: Namespace, snapshot: Snapshot) -> bool:
        """True if the namespace itself matches, apart from its processes."""
        return self._namespace is None or self._namespace(namespace, snapshot) is True

    def container(self, container: Container, snapshot: Snapshot) -> bool:
        """True if the container itself matches, apart from its processes."""
        return self._container is None or self._container(container, snapshot) is True

    def line(self, line: Line, snapshot: Snapshot) -> bool:
        """True if the line of a lens matches."""
        return self._line is None or self._line(line, snapshot)

    def under(self, by: str | None) -> "Filter":
        """The filter of the same expression for another grouping."""
        if not self._by_kind:
            return self
        if by not in self._others:
            self._others[by] = Filter(self.text, by, self._texts, self._nets, self.fields)
            self._others[by]._others = self._others
        return self._others[by]

    def narrows(self, other: "Filter") -> bool:
        """True if every process that this filter leaves was left by the other: only those need to be tested."""
        before = _all_of(other.node)
        if self.by != other.by or self._nets is not other._nets or not (self.local and other.local):
            return False
        now = _all_of(self.node)
        return all(any(one == each or _longer(one, each) for one in now) for each in before)


def parse(
    expression: str,
    by: str | None = None,
    texts: Texts | None = None,
    nets: Reach | None = None,
    fields: Fields = FIELDS,
) -> Filter:
    """The filter of an expression. Raises FilterError if it is faulty.

    by: see Filter. texts: kept from one filter to the next, so that typing on is cheap. nets: the ports, addresses and
    interfaces, without which none matches. fields: allowed in the expression.
    """
    return Filter(expression, by, texts, nets, fields)


_OF_NETS = {"port", "address", "interface"}
_OF_PROCESSES = {"name", "command", "user", "pid", "ppid", "uid", "state"}
"""The fields of a process alone, not of the namespace that a line stands in."""
_NET_LIKE = re.compile(r"\d{1,5}|[0-9a-f]*[.:][0-9a-f.:]*|(?=.*[a-z])(?=.*\d).{4,}", re.ASCII)
"""A word that may be a port, an address or an interface."""


def _words(node: Node | None) -> Iterable[str]:
    match node:
        case Word():
            yield node.text
        case Not():
            yield from _words(node.one)
        case And() | Or():
            for one in node.nodes:
                yield from _words(one)


def _comparisons(node: Node | None) -> Iterable[Test]:
    match node:
        case Test():
            yield node
        case Not():
            yield from _comparisons(node.one)
        case And() | Or():
            for one in node.nodes:
                yield from _comparisons(one)


def _kinds(test: Test) -> Collection[KindName]:
    """The kinds of namespace that a comparison is about."""
    if test.field.name in _OF_NETS:
        return [kind for kind in KIND_NAMES if kind == "net"]
    if test.field.name not in ("inode", "host", "shared", "nprocs"):
        return ()
    said = test.value if test.field.name == "host" else test.kind
    return [kind for kind in KIND_NAMES if kind == said] or KIND_NAMES


def _all_of(node: Node | None) -> tuple[Node, ...]:
    if node is None:
        return ()
    return node.nodes if isinstance(node, And) else (node,)


def _longer(now: Node, before: Node) -> bool:
    """True if a word contains the one before, and is not a number that has just become long enough for an inode."""
    return (
        isinstance(now, Word)
        and isinstance(before, Word)
        and before.text in now.text
        and (_like_inode(before.text) or not _like_inode(now.text))
    )


def _like_inode(word: str) -> bool:
    """True if a word may be part of an inode, which is long: a short number means a pid."""
    return len(word) >= 6 and word.isdigit()


class _Maker:
    """A maker of the functions for one grouping."""

    def __init__(self, by: str | None, texts: Texts, nets: Reach) -> None:
        self.kind: KindName | None = next((kind for kind in KIND_NAMES if kind == by), None)
        self.by = by
        self.texts = texts
        self.nets = nets

    # Processes

    def process(self, node: Node) -> OfProcess:
        match node:
            case Word():
                return self._words((node.text,))
            case Not():
                negated = self.process(node.one)
                return lambda process, snapshot: not negated(process, snapshot)
            case And():
                words = tuple(one.text for one in node.nodes if isinstance(one, Word))
                tests = [self.process(one) for one in node.nodes if not isinstance(one, Word)]
                if words:
                    tests.append(self._words(words))
                return tests[0] if len(tests) == 1 else _all(tests)
            case Or():
                return _any([self.process(one) for one in node.nodes])
            case Test():
                return self._compared(node)

    def _may_be_elsewhere(self, word: str) -> bool:
        return _like_inode(word) or bool(self.nets and _NET_LIKE.fullmatch(word))

    def _words(self, words: tuple[str, ...]) -> OfProcess:
        of = self.texts.of
        unsaid = [word for word in words if self._may_be_elsewhere(word)]
        if not unsaid and len(words) == 1:
            (word,) = words
            return lambda process, snapshot: word in of(process, snapshot)

        def matches(process: Process, snapshot: Snapshot) -> bool:
            text = of(process, snapshot)
            for word in words:
                if word not in text and not (word in unsaid and self._elsewhere(word, process)):
                    return False
            return True

        return matches

    def _elsewhere(self, word: str, process: Process) -> bool:
        """True if a word is part of a process's inode, address or port, or begins the name of its interface."""
        if _like_inode(word) and any(word in str(getattr(process.namespaces, kind)) for kind in KIND_NAMES):
            return True
        nets, net = self.nets, process.namespaces.net
        if word.isdigit():
            return word in map(str, nets.ports(process))
        if "." in word or ":" in word:
            return any(word in address for address in nets.addresses(net))
        return any(name.startswith(word) for name in nets.interfaces(net))

    # Many processes

    def among(self, node: Node) -> OfMany:
        match node:
            case Word():
                return self._with_word(node.text)
            case Not():
                negated = self.among(node.one)
                return lambda pids, snapshot: {*pids} - negated(pids, snapshot)
            case And():
                # Words first: they cost least, and the other tests then have fewer processes.
                every = [self.among(one) for one in sorted(node.nodes, key=lambda one: not isinstance(one, Word))]
                return lambda pids, snapshot: {*reduce(lambda left, among: among(left, snapshot), every, pids)}
            case Or():
                some = [self.among(one) for one in node.nodes]
                return lambda pids, snapshot: set().union(*(among(pids, snapshot) for among in some))
            case Test():
                return _asked(self._compared(node))

    def _with_word(self, word: str) -> OfMany:
        texts, unsaid = self.texts, self._may_be_elsewhere(word)

        def among(pids: Collection[int], snapshot: Snapshot) -> set[int]:
            of = texts.all(snapshot)
            if len(pids) == len(of):
                found = {pid for pid, text in of.items() if word in text}
            else:
                found = {pid for pid in pids if word in of[pid]}
            if unsaid:
                processes = snapshot.processes
                found.update(pid for pid in pids if pid not in found and self._elsewhere(word, processes[pid]))
            return found

        return among

    # Processes, by a field

    def _compared(self, test: Test) -> OfProcess:
        field, holds = test.field, _holds(test)
        match field.name:
            case "type":
                return _always(self.kind == test.value if self.kind else True, test.op)
            case "host":
                return self._host(test)
            case "inode" if test.kind:
                member = operator.attrgetter(f"namespaces.{test.kind}")
                same, value = test.op == "=", test.value
                return lambda process, snapshot: (member(process) == value) is same
            case "shared" | "nprocs":
                return self._counted(test, holds)
            case "port":
                ports = self.nets.ports
                return lambda process, snapshot: holds(ports(process))
            case "address" | "interface":
                reached = self.nets.addresses if field.name == "address" else self.nets.interfaces
                return lambda process, snapshot: holds(reached(process.namespaces.net))
        find = field.process
        if find is None:  # a field that only a lens has
            return lambda process, snapshot: holds(())
        return lambda process, snapshot: holds(find(process, snapshot))

    def _host(self, test: Test) -> OfProcess:
        """The test `host=net`. Without a kind, that of the grouping; else any kind that containers seldom share."""
        if test.value:
            kinds: list[str] = [str(test.value)]
        else:
            kinds = [self.kind] if self.kind else [kind for kind in KIND_NAMES if kind not in USUALLY_SHARED]
        wanted = test.op == "="

        def matches(process: Process, snapshot: Snapshot) -> bool:
            initial, own = snapshot.host.initial, process.namespaces
            found = any((inode := getattr(own, kind)) is not None and inode == getattr(initial, kind) for kind in kinds)
            return found is wanted

        return matches

    def _counted(self, test: Test, holds: Callable[[Iterable[Any]], bool]) -> OfProcess:
        """The test of the number of containers or processes in the namespace of the kind named or grouped by; without a
        kind, in any namespace that is not the host's."""
        count = _Containers().number if test.field.name == "shared" else _processes
        said, surely = test.kind or self.kind, _surely(test)
        every = all if test.op == "!=" else any
        kinds = [kind for kind in KIND_NAMES if kind == said] if said else list(KIND_NAMES)
        if test.field.name == "nprocs" and self.by == "container" and not said:
            return lambda process, snapshot: every(
                surely(*nprocs(container, snapshot)) for container in [snapshot.container_of(process)] if container
            )

        def matches(process: Process, snapshot: Snapshot) -> bool:
            return every(
                surely(count(snapshot, kind, inode), snapshot.sees_all(kind))
                for kind in kinds
                if (inode := getattr(process.namespaces, kind)) is not None
                and (said or not snapshot.is_initial(kind, inode))
            )

        return matches

    # Namespaces

    def namespace(self, node: Node) -> OfNamespace:
        match node:
            case Word(text):
                return lambda namespace, snapshot: text in namespace_text(namespace) or None
            case Test():
                return self._of_namespace(node)
            case _:
                return _joined(node, self.namespace)

    def _of_namespace(self, test: Test) -> OfNamespace:
        holds, value, same = _holds(test), test.value, test.op == "="
        match test.field.name:
            case "type":
                return lambda namespace, snapshot: (namespace.type == value) is same
            case "host":
                return lambda namespace, snapshot: (
                    namespace.initial is same if namespace.type == (value or self.kind or namespace.type) else None
                )
            case "inode" if test.kind:
                kind = test.kind
                return lambda namespace, snapshot: (
                    (namespace.inode == value) is same if namespace.type == kind else None
                )
            case "inode":
                return lambda namespace, snapshot: holds((namespace.inode,)) if same else None
            case "shared" | "nprocs":
                count = _Containers().number if test.field.name == "shared" else _processes
                said, surely = test.kind or self.kind, _surely(test)
                return lambda namespace, snapshot: (
                    surely(count(snapshot, namespace.type, namespace.inode), snapshot.sees_all(namespace.type))
                    if namespace.type == (said or namespace.type)
                    else None
                )
            case "label":
                return lambda namespace, snapshot: holds((label(namespace, snapshot) or "",)) or None
            case "address" | "interface" | "port":
                nets = self.nets
                reached: Callable[[int], Iterable[Any]] = {"address": nets.addresses, "port": nets.unheld}.get(
                    test.field.name, nets.interfaces
                )
                return lambda namespace, snapshot: (
                    holds(reached(namespace.inode)) or None if namespace.type == "net" else None
                )
        return _unsaid

    # Containers

    def container(self, node: Node) -> OfContainer:
        match node:
            case Word(text):
                return lambda container, snapshot: text in container_text(container) or None
            case Test():
                holds, find = _holds(node), node.field.container
                if node.field.name == "nprocs" and not node.kind:
                    surely = _surely(node)
                    return lambda container, snapshot: surely(*nprocs(container, snapshot))
                if find is None:
                    return _unsaid
                return lambda container, snapshot: holds(find(container))
            case _:
                return _joined(node, self.container)

    # Lines

    def line(self, node: Node) -> OfLine:
        match node:
            case Word(text):
                of = self.texts.of_line
                return lambda line, snapshot: text in of(line)
            case Test(op="!="):
                return self.line(Not(replace(node, op="=")))  # no process in it has that value
            case Test():
                return self._of_line(node)
            case _:
                return _joined(node, self.line)

    def _of_line(self, test: Test) -> OfLine:
        holds, own, behind = _holds(test), test.field.line, self._behind(test)
        if own is None:
            stands, about = test.field.name not in _OF_PROCESSES, self._kind_asked(test)

            def there(line: Line, snapshot: Snapshot) -> bool:
                things = (line.thing, line.where) if stands else (line.thing,)
                if line.where and line.where[0] == about:
                    things = (line.where,)  # the process may be in another
                return any(thing is not None and behind(thing, snapshot) for thing in things)

            return there
        if test.field.process is None:  # the lens's alone
            return lambda line, snapshot: holds(own(line))
        return lambda line, snapshot: holds(own(line)) or (line.thing is not None and behind(line.thing, snapshot))

    def _kind_asked(self, test: Test) -> str | None:
        """The kind of namespace that a comparison is about. None if it is about none, or several."""
        match test.field.name:
            case "host":
                return str(test.value) if test.value else self.kind
            case "inode":
                return test.kind
            case "shared" | "nprocs":
                return test.kind or self.kind
        return None

    def _behind(self, test: Test) -> Callable[[Thing, Snapshot], bool]:
        """The test of a process, or of a container or namespace itself or any process in it. The result for a thing is
        kept for one snapshot, as several lines may be about it."""
        process, namespace, container = self._compared(test), self._of_namespace(test), self.container(test)
        known: dict[Thing, bool] = {}
        known_of: Snapshot | None = None

        def of(thing: Thing, snapshot: Snapshot) -> bool:
            pids: Iterable[int] = ()
            match thing:
                case int():
                    pids = (thing,)
                case str() if one := snapshot.containers.get(thing):
                    if container(one, snapshot):
                        return True
                    pids = one.pids
                case (kind, inode) if there := snapshot.namespaces.get(thing):
                    if namespace(there, snapshot):
                        return True
                    pids = snapshot.members(kind).get(inode, ())
            processes = snapshot.processes
            return any(process(processes[pid], snapshot) for pid in pids if pid in processes)

        def asked_once(thing: Thing, snapshot: Snapshot) -> bool:
            nonlocal known_of
            if snapshot is not known_of:
                known_of = snapshot
                known.clear()
            if thing not in known:
                known[thing] = of(thing, snapshot)
            return known[thing]

        return asked_once


def _joined(node: Node, make: Callable[[Node], Callable[[Any, Snapshot], bool | None]]) -> Callable[..., Any]:
    """The function of a `not`, `and` or `or` of three-valued tests."""
    match node:
        case Not():
            negated = make(node.one)

            def not_(record: object, snapshot: Snapshot) -> bool | None:
                said = negated(record, snapshot)
                return None if said is None else not said

            return not_
        case And() | Or():
            tests = [make(one) for one in node.nodes]
            decisive = isinstance(node, Or)

            def joined(record: object, snapshot: Snapshot) -> bool | None:
                found: bool | None = not decisive
                for test in tests:
                    said = test(record, snapshot)
                    if said is decisive:
                        return decisive
                    if said is None:
                        found = None
                return found

            return joined
    raise AssertionError(node)


def _unsaid(record: object, snapshot: Snapshot) -> None:
    """None: the test does not concern such a record."""


def _all(tests: list[OfProcess]) -> OfProcess:
    return lambda process, snapshot: all(test(process, snapshot) for test in tests)


def _any(tests: list[OfProcess]) -> OfProcess:
    return lambda process, snapshot: any(test(process, snapshot) for test in tests)


def _asked(test: OfProcess) -> OfMany:
    """The test of many processes, one after the other."""

    def among(pids: Collection[int], snapshot: Snapshot) -> set[int]:
        processes = snapshot.processes
        return {pid for pid in pids if test(processes[pid], snapshot)}

    return among


def _always(value: bool, op: str) -> OfProcess:
    holds = value is (op == "=")
    return lambda process, snapshot: holds


def _processes(snapshot: Snapshot, kind: KindName, inode: int) -> int:
    return len(snapshot.members(kind).get(inode, ()))


class _Containers:
    """The numbers of containers in namespaces: counted once a snapshot, as each member of a namespace asks."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._numbers: dict[tuple[KindName, int], int] = {}

    def number(self, snapshot: Snapshot, kind: KindName, inode: int) -> int:
        if snapshot is not self._snapshot:
            self._snapshot, self._numbers = snapshot, {}
        number = self._numbers.get((kind, inode))
        if number is None:
            number = len(containers_of(snapshot, snapshot.members(kind).get(inode, ())))
            self._numbers[kind, inode] = number
        return number


def _surely(test: Test) -> Callable[[int, bool], bool | None]:
    """The comparison of a number of which only the least is known: None if that does not decide it."""
    if test.also:
        each = [_surely(one) for one in _bounds(test)]

        def all_surely(least: int, sure: bool) -> bool | None:
            said = [one(least, sure) for one in each]
            return False if False in said else None if None in said else True

        return all_surely
    holds = _holds(test)

    def surely(least: int, sure: bool) -> bool | None:
        said = holds((least,))
        if sure or (test.op in (">", ">=") and said):
            return said
        above = isinstance(test.value, int) and least > test.value
        if test.op in ("=", "!="):
            return test.op == "!=" if above else None
        return False if test.op in ("<", "<=") and not said else None

    return surely


def _bounds(test: Test) -> list[Test]:
    """A comparison with several bounds as one of each."""
    return [replace(test, op=op, value=value, also=()) for op, value in ((test.op, test.value), *test.also)]


_NUMBERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def _holds(test: Test) -> Callable[[Iterable[Any]], bool]:
    """The function that is true if one of some values fulfils a comparison; for !=, if none is equal."""
    value, op = test.value, test.op
    if test.also:
        each = [_holds(one) for one in _bounds(test)]
        return lambda values: any(all(holds((one,)) for holds in each) for one in values)
    if isinstance(value, (int, float)):
        if op in _NUMBERS:
            compare = _NUMBERS[op]
            return lambda values: any(compare(one, value) for one in values)
        return (lambda values: value in values) if op == "=" else (lambda values: value not in values)
    if op == "~":
        return lambda values: any(value in one.lower() for one in values)
    if value and not value.strip("*"):
        return lambda values: any(values) is (op == "=")  # anything at all, which none is not
    if any(sign in value for sign in "*?"):
        like = re.compile(fnmatch.translate(value.replace("[", "[[]"))).match
        return lambda values: any(like(one.lower()) for one in values) is (op == "=")
    return lambda values: any(one.lower() == value for one in values) is (op == "=")
