"""The fast lane writes the rows that Python writes: over everything that goes wrong on a wire, and what goes right."""

from collections.abc import Iterator
from typing import Any

import gevent
import pytest

from harness.load.inside.users.user import McpUser
from harness.mcp import outcome
from tests.fakes.wire import CASES, Case, WireServer, wire_server
from tests.load.inside.native.lanes import CALLS, Calling, Repeating, Varying, on

EACH = 4  # is a case
SAME = (
    "seq", "user_class", "operation", "transport", "outcome", "detail", "status", "code", "user", "session", "worker", "bytes_out",
    "bytes_in", "reused",
)  # fmt: skip
# A server that closes beside its answer races with the next call, on either path: it sees that at once, or a moment later.
RACES = {"closed after the answer", "ended by closing", "bad chunk after the answer"}
# Deadlines have a test of their own: here a usual reply that comes late on a busy machine must not be one.
COMPARED = [
    case
    for case in CASES
    if not case.session
    and case.name not in RACES
    and "flood" not in case.name
    and case.outcome != outcome.TIMEOUT
]


def rows(table: Any) -> list[tuple[Any, ...]]:
    """Without the times. Of a case that comes in pieces, some may be read with the reply, or after it."""
    usual = (table["seq"] + 1) % EACH != 0
    known = table.assign(bytes_in=table["bytes_in"].where(usual, table["bytes_in"] > 0))
    return list(zip(*(known[name].astype(str) for name in SAME), strict=True))


@pytest.fixture(scope="module")
def server() -> Iterator[WireServer]:
    with wire_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    with gevent.Timeout(60):
        yield


@pytest.mark.parametrize(
    ("kind", "usual"), [(Repeating, "every"), (Calling, "every"), (Repeating, "streamed"), (Varying, "every")]
)
@pytest.mark.parametrize("case", COMPARED, ids=lambda case: case.name)
def test_each_way_the_wire_can_fail_leaves_the_same_rows(
    wire: Any,
    server: WireServer,
    case: Case,
    kind: type[McpUser],
    usual: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each fourth reply is the case, others are usual: rows, replies and Locust's own count are the same on both paths."""
    url = f"{server.url}{case.path}?{usual}={EACH}"
    runs = [on(path, monkeypatch, kind, url, 30.0) for path in ("on", "off")]
    tables = [run.all() for run in runs]

    assert rows(tables[0]) == rows(tables[1])
    assert len(tables[0]) == CALLS
    assert set(tables[0]["outcome"].astype(str)) == {"ok", case.outcome}
    assert len({str(getattr(run.user, "replies", None)) for run in runs}) == 1
    for table in tables:
        assert (table["intended_ns"] <= table["sent_ns"]).all()
        assert (table["sent_ns"] <= table["done_ns"]).all()
    told = [
        (each.environment.stats.total.num_requests, each.environment.stats.total.num_failures)
        for each in runs
    ]
    assert told[0] == told[1]


@pytest.mark.parametrize("usual", ["every", "streamed"])
@pytest.mark.parametrize("kind", [Repeating, Calling, Varying])
def test_usual_calls_are_made_in_c(
    wire: Any, server: WireServer, kind: type[McpUser], usual: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the first ones, whose heads are new: else the tests above would compare Python with itself."""
    run = on("on", monkeypatch, kind, f"{server.url}/json?{usual}=1000")
    asked = []
    exchange = run.user.http.exchange
    monkeypatch.setattr(
        run.user.http, "exchange", lambda *args, **more: asked.append(args) or exchange(*args, **more)
    )
    table = run.all()

    assert list(table["outcome"].astype(str)) == ["ok"] * CALLS
    assert 1 <= len(asked) <= 5
