"""The words of a metric are escaped by the library that its readers have too."""

import contextlib
import socket
import threading
import urllib.error
import urllib.request
from concurrent.futures import Future

import pytest
from msgspec.structs import replace
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from nsview.cli.export import _Metrics, _registry, _serve
from nsview.hosts import HostError
from nsview.model.metrics import Family, families
from tests.real.workspace import wait_until

from ..make import host, process

_HOSTILE = 'a"} 1\nnsview_forged 1\\ \x1b[2J\u202e'


def test_a_hosts_name_is_what_it_is_and_no_line_of_its_own() -> None:
    one = host(process(1, 0))
    made = families(replace(one, host=replace(one.host, name=_HOSTILE)), (), ())
    text = generate_latest(_registry(_Metrics(lambda: made))).decode()
    found = {family.name: family.samples for family in text_string_to_metric_families(text)}
    assert found["nsview_info"][0].labels["host"] == _HOSTILE
    assert set(found) == {family.name for family in made}


def test_requests_in_a_row_are_answered_by_one_look() -> None:
    looks = []
    registry = _registry(_Metrics(lambda: looks.append(1) or []))
    generate_latest(registry)
    generate_latest(registry)
    assert len(looks) == 1


def test_a_host_that_is_lost_is_said_to_the_asker_and_ends_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    left: list[list[Family]] = [[]]

    def look() -> list[Family]:
        if left:
            return left.pop()
        raise HostError("the agent <was> killed")

    metrics = _Metrics(look)
    registry = _registry(metrics)
    metrics._taken = -1e9  # long ago
    ended: Future[int] = Future()

    def serve() -> None:
        try:
            ended.set_result(_serve(("127.0.0.1", port), registry, metrics))
        except HostError as error:
            ended.set_exception(error)

    threading.Thread(target=serve, daemon=True).start()
    wait_until(lambda: _answers(port), 20, "the server")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics")
    assert refused.value.code == 503 and "the agent &lt;was&gt; killed" in refused.value.read().decode()
    assert str(ended.exception(30)) == "the agent <was> killed"


def _answers(port: int) -> bool:
    """True if somebody listens there; the connection says nothing, which is no request."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
