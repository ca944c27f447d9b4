"""harness sessions, on a server that holds exactly what it is told to."""

import json
import resource
import ssl
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.conduct.capacity import own_limits
from harness.conduct.capacity.crowd import crowd
from harness.conduct.capacity.door import ServerRequest, standing
from harness.conduct.capacity.growth import Growth
from harness.conduct.capacity.held_session import HeldSession
from harness.conduct.capacity.open_connection import OpenConnection
from harness.conduct.capacity.refusals import Kind, Refusals
from harness.conduct.capacity.sessions_text import sentence
from harness.foundation.addresses import route
from harness.foundation.addresses.route import Route, Tls
from harness.foundation.clock import RealClock
from harness.foundation.errors import FAILED, PASSED, TargetUnreachableError, UsageError
from harness.mcp import outcome
from harness.mcp.messages import Reply, Request
from harness.scenario.model import Target
from tests.fakes import doors
from tests.fakes.holding_server import holding

QUICK = ("--for", "0s", "--after", "0.3s")


def held(tmp_path: Path, *flags: str) -> tuple[int, dict[str, Any]]:
    given = ["sessions", "--out", str(tmp_path), "--json", *QUICK, *flags]
    result = CliRunner().invoke(cli, given, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, json.loads(result.stdout)


@pytest.mark.parts
@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ((), {"outcome": "http_status", "status": 503, "code": None, "inside_200": False}),
        (("--inside-200",), {"outcome": "rpc_error", "status": 200, "code": -32000, "inside_200": True}),
    ],
)
@pytest.mark.parametrize(("leave", "free"), [("close", 10), ("vanish", 0)])
def test_how_many_there_are_is_exact_and_how_others_were_refused(
    options: tuple[str, ...], refusal: dict[str, Any], leave: str, free: int, tmp_path: Path
) -> None:
    """Also where the refusal is inside 200; closed sessions make room again, and abandoned ones do not."""
    with holding("--most", "137", *options) as url:
        code, told = held(tmp_path, "--url", url, "--max", "400", "--leave", leave)

    kinds = [{name: kind[name] for name in refusal} for kind in told["refused"]]
    assert (code, told["open"], told["gave_way"], told["alive"]["answer"]) == (PASSED, 137, True, 137)
    assert kinds == [refusal]
    assert told["refused"][0]["count"] >= 10
    assert told["places"] == {"opened": free, "tried": 10}
    assert (tmp_path / "sessions" / "latest" / "readings.csv").is_file()


@pytest.mark.parts
def test_what_the_server_keeps_of_each_is_found_and_comes_back(tmp_path: Path) -> None:
    with holding("--keep", "200000") as url:  # so large that the allocator gives each back
        code, told = held(tmp_path, "--url", url, "--max", "240")

    memory = next(one for one in told["takes"] if one["of"] == "memory")
    assert code == PASSED
    assert memory["per_session"] == pytest.approx(200_000, rel=0.1)
    assert memory["interval"][0] <= 208_000
    assert memory["interval"][1] >= 192_000
    assert told["memory"]["came_back"] > 0.8


@pytest.mark.parts
def test_sessions_that_a_server_forgets_are_lost(tmp_path: Path) -> None:
    with holding("--remember", "30") as url:
        code, told = held(tmp_path, "--url", url, "--max", "50")

    assert (code, told["open"], told["alive"]["answer"]) == (FAILED, 50, 30)
    assert [(kind["outcome"], kind["count"]) for kind in told["alive"]["lost"]] == [("session_lost", 20)]


@pytest.mark.parts
def test_streams_are_held_and_a_limit_inside_200_is_seen(tmp_path: Path) -> None:
    with holding("--streams", "60") as url:
        code, told = held(tmp_path, "--url", url, "--max", "200", "--hold", "stream")

    assert (code, told["open"], told["alive"]["answer"]) == (PASSED, 60, 60)
    assert [(kind["code"], kind["inside_200"]) for kind in told["refused"]] == [(-32603, True)]


@pytest.mark.parts
def test_streams_that_are_cut_are_lost(tmp_path: Path) -> None:
    with holding("--cut-s", "0.5") as url:
        code, told = held(tmp_path, "--url", url, "--max", "8", "--hold", "stream", "--for", "2s")

    assert (code, told["open"], told["alive"]["answer"]) == (FAILED, 8, 0)
    assert {kind["outcome"] for kind in told["alive"]["lost"]} == {"stream_ended"}


@pytest.mark.parts
def test_a_storm_opens_all_at_once(tmp_path: Path) -> None:
    with holding("--most", "100") as url:
        code, told = held(tmp_path, "--url", url, "--storm", "150", "--at-least", "101")

    assert (code, told["open"], told["refused"][0]["count"], told["takes"]) == (FAILED, 100, 50, [])


@pytest.mark.parts
@pytest.mark.parametrize("kind", ["session", "stream"])
async def test_clients_that_come_back_keep_their_session_or_open_another(kind: str, tmp_path: Path) -> None:
    """Whose session was ended meanwhile has to open another; all of them are served."""
    with holding() as url:
        asked = ServerRequest(Target(url=url), timeout_s=20.0)
        async with standing(asked, tmp_path, RealClock(), print) as door:
            clients = crowd(door, kind, RealClock(), 3)
            await clients.open(12)
            for client in clients.held[:5]:
                await client.close(clients.lanes[0])
            back = await clients.reconnect()
            answering, lost = await clients.each(HeldSession.answers)
            clients.vanish()

    assert (back.kept, back.reopened, len(back.took_s)) == (7, 5, 12)
    assert (back.failed.total, answering, lost.total) == (0, 12, 0)


@pytest.mark.parts  # openssl makes the certificate
async def test_a_connection_goes_by_the_certificates_that_were_given(tmp_path: Path) -> None:
    """Over TLS, and again on the same connection; without them it is refused."""
    asked = Request("x", b"{}", (("Content-Type", "application/json"),), None)
    certificate, key = doors.certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with doors.behind_tls(context) as server:
        refused = await OpenConnection(f"{server.url}/mcp", {}).exchange(asked, 20.0)
        with route.in_force(Route(Tls(ca=str(certificate)))):
            connection = OpenConnection(f"{server.url}/mcp", {})
            replies = [await connection.exchange(asked, 20.0) for _ in range(2)]
            connection.close()

    assert (refused.outcome, "certificate is not trusted" in refused.detail) == (outcome.CONNECT, True)
    assert all(reply.status for reply in replies)


@pytest.mark.parts
def test_a_server_that_opens_none_is_an_error(tmp_path: Path) -> None:
    """What it says is in the error."""
    with holding("--streams", "-1") as url, pytest.raises(TargetUnreachableError) as error:
        held(tmp_path, "--url", url, "--max", "50", "--hold", "stream")

    assert error.value.why == "error -32603 inside HTTP 200: Too many streams"


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        (["--url", "http://127.0.0.1:9/mcp", "--restart"], "is for the reference server"),
        (["--url", "http://127.0.0.1:9/mcp", "--protocol", "2026-07-28"], "no sessions to hold open"),
        (["--url", "http://127.0.0.1:9/mcp", "--protocol", "plain"], "no sessions to hold open"),
        (["--url", "http://127.0.0.1:9/mcp", "--hold", "stream", "--max", "1000000"], "need 1,000,220 open files"),
        (["--insecure"], "are for the server at a URL"),
    ],
)  # fmt: skip
def test_wrong_use(flags: list[str], what: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["sessions", "--out", str(tmp_path), *flags], standalone_mode=False)

    assert isinstance(result.exception, UsageError)
    assert what in result.exception.what


def test_ports_are_a_limit_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    few = tmp_path / "range"
    few.write_text("40000\t40499\n")
    monkeypatch.setattr(own_limits, "PORTS", few)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (10_000, 10_000))

    with pytest.raises(UsageError, match="500 for connections"):
        own_limits.allow(400, "400 streams")
    own_limits.allow(300, "300 streams")


def test_refusals_are_counted_by_kind_and_in_a_row() -> None:
    refusals = Refusals()
    inside = Reply(outcome.RPC_ERROR, "full", 200, -32000)
    for reply in (inside, Reply(outcome.OK), inside, Reply(outcome.NOT_HELD, "Too many open files")):
        refusals.note(reply)

    assert (refusals.total, refusals.in_a_row, refusals.ours) == (3, 2, 1)
    assert next(iter(refusals.kinds)).words == "error -32000 inside HTTP 200: full"
    assert Kind(outcome.HTTP_STATUS, 503, None, "503").words == "http_status: 503"


@pytest.mark.parametrize(
    ("grown", "words"),
    [
        (Growth("leaks", 10_200.0, 9_600.0, 10_800.0, 0, 100), "10.2 KB a session (9.6 KB to 10.8 KB)"),
        (Growth("none_above", 10.0, -300.0, 400.0, 0, 100), "at most 0.4 KB a session"),
        (
            Growth("undecided", 500.0, 100.0, 900.0, 0, 100),
            "0.5 KB a session (0.1 KB to 0.9 KB); it grows unevenly",
        ),
        (Growth("too_few", 0, 0, 0, 0, 0), "too few steps to tell what a session takes"),
    ],
)
def test_sentences(grown: Growth, words: str) -> None:
    assert sentence("memory", grown) == words
