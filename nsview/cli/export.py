"""`nsview export`: a host in numbers, in Prometheus' text format: printed, in a file, or asked for over HTTP."""

import socket
import socketserver
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from nsview.hosts import HostError
from nsview.join.failure import FAILED, Failure
from nsview.lookup import say

from .audit import configured
from .console import DONE, host_of, print_text

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import GaugeMetricFamily

    from nsview.model.metrics import Family

_REST = 5.0
"""Seconds for which a look answers further requests: the host must not suffer from those who watch it."""
_PATIENCE = 10.0
"""Seconds after which one who asks, and does not go on, is sent away: requests are answered one after the other."""


def run(options: SimpleNamespace) -> int:
    from prometheus_client import generate_latest, write_to_textfile

    ignore = configured().settings.audit.ignore
    metrics = _Metrics(lambda: _look(options, ignore))
    registry = _registry(metrics)  # takes the first look
    if options.listen:
        return _serve(options.listen, registry, metrics)
    if options.file:
        try:
            write_to_textfile(options.file, registry)
        except OSError as error:
            raise Failure(FAILED, f"{options.file}: {error.strerror}") from None
    else:
        print_text(generate_latest(registry).decode().rstrip("\n"), options)
    return DONE


def _look(options: SimpleNamespace, ignore: Iterable[str]) -> "list[Family]":
    """The metrics of a host by a fresh agent, so that nothing runs between two requests. Raises HostError."""
    from nsview.model import audit
    from nsview.model.metrics import families

    host = host_of(options)
    try:
        host.first()
        snapshot, facts = host.holders(), host.security()
    finally:
        host.stop()
    say(snapshot.host.notes)
    return families(snapshot, audit.audit(snapshot, facts, tuple(ignore)), audit.unchecked(snapshot, facts))


class _Metrics:
    """A collector of prometheus_client's. failed: the reason why the last look was none."""

    def __init__(self, look: "Callable[[], list[Family]]") -> None:
        self._look = look
        self._taken = -_REST
        self._families: list[Family] = []
        self.failed: HostError | None = None

    def collect(self) -> "Iterator[GaugeMetricFamily]":
        from prometheus_client.core import GaugeMetricFamily

        if time.monotonic() - self._taken >= _REST:
            try:
                self._families = self._look()
            except HostError as error:
                self.failed = error
                raise
            self._taken = time.monotonic()
        for family in self._families:
            made = GaugeMetricFamily(family.name, family.help, labels=family.labels)
            for labels, number in family.samples.items():
                made.add_metric(labels, number)
            yield made


def _registry(metrics: _Metrics) -> "CollectorRegistry":
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry(auto_describe=True)
    registry.register(metrics)
    return registry


# Over HTTP


def _serve(address: tuple[str, int], registry: "CollectorRegistry", metrics: _Metrics) -> int:
    """Answer until ^C, or until the host can no longer be looked at. Raises Failure, HostError."""
    from prometheus_client import MetricsHandler

    # wsgiref, which the library's own server stands on, would take ^C for an error of the request.
    class Handler(MetricsHandler):
        timeout = _PATIENCE

        def do_GET(self) -> None:
            try:
                super().do_GET()
            except HostError as error:
                self.send_error(503, explain=str(error))

    Handler.registry = registry
    try:
        server = _Server(address, Handler)
    except OSError as error:
        raise Failure(FAILED, f"{_text(address)}: {error.strerror}; give another address") from None
    with server:
        print(f"nsview: http://{_text(server.server_address)}/metrics; ^C ends", file=sys.stderr, flush=True)
        try:
            while not metrics.failed:
                server.handle_request()
        except KeyboardInterrupt:
            return DONE
    raise metrics.failed


class _Server(socketserver.TCPServer):
    """An HTTP server that answers one request after the other; over IPv6 if the address is such."""

    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Go on, where the other end is gone or has sent nothing in time."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _text(address: Any) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
