"""A user that tries again, on real sockets: each attempt has a row, waits are owed, and somebody else may stop it."""

import itertools
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from locust import task
from locust.env import Environment
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from harness.load.engine import LoadSpec
from harness.load.inside.users import context
from harness.load.inside.users.recorder import Recorder
from harness.load.inside.users.user import McpUser
from harness.run_directory.samples import Decoder, frame
from harness.run_directory.spool import Block, Gauges, _decode
from tests.fakes.accepting import accepting
from tests.fakes.gauges import gauges
from tests.fakes.wire import read_request
from tests.load.inside.waiting import until

AT_ONCE = {"attempts": 3, "backoff_s_first": 0.001, "backoff_s_most": 0.001, "budget": None}
OK, BUSY, RESET = "200 OK", "503 Busy", "reset"


class Persistent(McpUser):
    """A user of one tool."""

    @task
    def work(self) -> None:
        """Never run by Locust here."""


class Kept:
    """A spool in memory."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []

    def write(self, data: bytes) -> None:
        self.blocks.append(_decode(data[8:]))

    def close(self) -> None:
        """There is nothing to close."""


@contextmanager
def server(*answers: str, more: str = "") -> Iterator[str]:
    """The first requests are answered with these, all others with 200."""
    left = iter(answers)

    def one(sock: socket.socket) -> None:
        with sock:
            while request := read_request(sock):
                status = next(left, OK)
                if status == RESET:
                    return
                number = json.loads(request[1]).get("id") if request[1] else None
                body = json.dumps({"jsonrpc": "2.0", "id": number, "result": {}}).encode()
                head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}Content-Length: {len(body)}\r\n\r\n"
                sock.sendall(head.encode() + body)

    with accepting(one) as origin:
        yield f"{origin}/call"


class Here:
    """One user, and what was recorded of it."""

    def __init__(self, url: str, retries: dict[str, Any] | None, **spec: Any) -> None:
        environment = Environment(user_classes=[Persistent])
        told: dict[str, Any] = {"protocol": "plain", "think": False, "timeout_s": 5.0} | spec
        self.kept = Kept()
        self.recorder = Recorder(self.kept, 0, self.gauges)
        self.context = context.attach(
            environment,
            LoadSpec(
                base_url=url.removesuffix("/call"), mcp_url=url, ws_url="", spool_dir="", epoch_ns=0,
                retries=retries, **told,
            ),
            self.recorder,
        )  # fmt: skip
        self.user = Persistent(environment)
        self.user._state = LOCUST_STATE_RUNNING
        self.user.is_open = True

    def gauges(self) -> Gauges:
        return self.context.retries.gauges(gauges(time.monotonic_ns()))

    def rows(self) -> Any:
        self.recorder.flush()
        decoder = Decoder()
        return frame([decoder.table(block) for block in self.kept.blocks])


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """Nothing here waits for ever."""
    with gevent.Timeout(60):
        yield


@pytest.mark.parametrize(
    ("answers", "rows"),
    [
        ((), ["ok"]),
        ((BUSY,), ["http_status", "ok+retry"]),
        ((RESET, BUSY), ["disconnected", "http_status+retry", "ok+retry"]),
        ((BUSY,) * 9, ["http_status", "http_status+retry", "http_status+retry"]),
        (("500 Wrong",), ["http_status"]),
        (("404 Gone",), ["http_status"]),
    ],
)
def test_each_attempt_is_a_call_with_a_row_of_its_own(answers: tuple[str, ...], rows: list[str]) -> None:
    """As many as the policy says, told apart by the class, nothing lost; the last one is what the caller gets."""
    with server(*answers) as url:
        here = Here(url, AT_ONCE)
        reply = here.user.call("tool")
        found = here.rows()

    marks = found["user_class"].astype(str).str.removeprefix("Persistent")
    assert list(found["outcome"].astype(str) + marks) == rows
    assert reply is not None
    assert reply.outcome == rows[-1].removesuffix("+retry")
    assert here.recorder.started == here.recorder.recorded == len(rows)
    assert (found["sent_ns"] >= found["intended_ns"]).all()
    assert found["intended_ns"].is_monotonic_increasing


def test_without_retries_a_failure_is_one_row() -> None:
    """Off by default."""
    with server(BUSY) as url:
        here = Here(url, None)
        here.user.call("tool")
        found = here.rows()

    assert list(found["outcome"]) == ["http_status"]
    assert list(found["user_class"]) == ["Persistent"]


def test_what_templates_drew_is_asked_for_again() -> None:
    """The same call, not another one; and so is a GET."""
    workload = [{"call": "tool", "args": {"n": "{{random_int 1 1000000}}"}}]
    with server(BUSY, OK, BUSY) as url:
        here = Here(url, AT_ONCE, workload=workload)
        here.user.call_from_workload()
        here.user.get("/health", "health")
        found = here.rows()

    first, second = found["bytes_out"][:2]
    assert first == second
    assert list(found["operation"]) == ["tools/call:tool", "tools/call:tool", "health", "health"]


def test_an_empty_budget_ends_it_and_is_counted() -> None:
    """One token to begin with, a fifth for each call: of five failing calls two are tried again, once each."""
    with server(*(BUSY,) * 50) as url:
        here = Here(url, AT_ONCE | {"budget": 0.2})
        for _ in range(5):
            here.user.call("tool")
        found = here.rows()

    assert len(found) == 5 + 2
    assert here.kept.blocks[-1].gauges.retries_refused == 5


def test_a_failed_call_backs_off_once_however_often_it_was_tried() -> None:
    """The wait between calls is that of a client, not of its attempts."""
    with server(*(RESET,) * 3) as url:
        here = Here(url, AT_ONCE)
        here.user.call("tool")

    assert here.user.pacing.backoff_s == 0.1


@pytest.mark.parametrize(("seconds", "attempts"), [("1", 2), ("6", 1)])
def test_retry_after_is_heeded_unless_it_is_longer_than_a_call_may_take(seconds: str, attempts: int) -> None:
    """With a limit of 5 s, a second is waited for, and six are not."""
    with server("429 Too Many", more=f"Retry-After: {seconds}\r\n") as url:
        here = Here(url, AT_ONCE)
        here.user.call("tool")
        found = here.rows()

    assert list(found["outcome"]) == ["rate_limited", "ok"][:attempts]
    if attempts == 2:
        assert found["intended_ns"][1] - found["done_ns"][0] >= 1e9


def test_whoever_waits_to_try_again_owes_a_call_and_may_be_stopped() -> None:
    """A step is not over before it was made; who is stopped meanwhile leaves nothing behind."""
    with server(BUSY, more="Retry-After: 4\r\n") as url:
        here = Here(url, AT_ONCE)
        calling = gevent.spawn(here.user.call, "tool")
        until(lambda: here.user._state == LOCUST_STATE_WAITING)
        waiting = here.gauges()
        calling.kill()
        after = here.gauges()
        found = here.rows()

    assert waiting.left == 1
    assert waiting.oldest_open_ns == waiting.at_ns  # it lies ahead: nothing is older than now
    assert after.left == 0
    assert list(found["outcome"]) == ["http_status"]


def test_a_user_that_is_to_stop_tries_nothing_again() -> None:
    """Its last call is its last."""
    with server(BUSY) as url:
        here = Here(url, AT_ONCE)
        here.user._state = LOCUST_STATE_STOPPING
        here.user.call("tool")
        found = here.rows()

    assert len(found) == 1


def test_a_session_that_is_gone_is_opened_again_first_and_its_failure_spends_the_attempt() -> None:
    """Openings are no retries: they carry the plain class."""
    with server(BUSY, "500 Wrong", BUSY, OK) as url:
        here = Here(url, AT_ONCE, protocol="2025-11-25")
        here.user.is_open = False
        here.user._open = scripted(here.user._open)  # type: ignore[method-assign]
        here.user.call("tool")
        found = here.rows()

    names = [f"{row.operation}:{row.outcome}:{row.user_class}" for row in found.itertuples()]
    assert names[0] == "tools/call:tool:http_status:Persistent"
    assert "initialize:http_status:Persistent" in names
    assert not any(name.startswith("initialize") and name.endswith("+retry") for name in names)


def scripted(opening: Callable[[], bool]) -> Callable[[], bool]:
    """The first opening is as good as done, then the session is lost; the others are real."""
    numbers = itertools.count()

    def opens() -> bool:
        return True if next(numbers) == 0 else opening()

    return opens
