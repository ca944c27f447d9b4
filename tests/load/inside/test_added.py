"""What a user adds to its own calls, on real sockets, when it is made late on purpose: so much, and not the server's part.

A reply that is read late is done when it came, and not when it was read.
"""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gevent
import pytest

from harness.load.inside.transport import kernel_stamps
from harness.load.inside.transport.kernel_stamps import Sampling
from harness.load.inside.users import user
from tests.fakes.accepting import accepting
from tests.fakes.wire import read_request
from tests.load.inside.users.test_retrying import Here
from tests.waiting import until

SERVER_S, LATE_S = 0.08, 0.05
CLOSE_NS = 500_000  # times are told in hundredths of a millisecond; the kernel's stamps are of another clock
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def sampling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sampling]:
    """One of its own; and nothing waits for ever."""
    fresh = Sampling(is_on=True)
    monkeypatch.setattr(kernel_stamps, "sampling", fresh)
    monkeypatch.setattr(user, "sampling", fresh)
    with gevent.Timeout(60):
        yield fresh


@dataclass
class Server:
    """What a server notes of itself, on the same clock: each time twice, before it was done and after."""

    url: str = ""
    answered_ns: list[tuple[int, int]] = field(default_factory=list)
    ended_ns: list[tuple[int, int]] = field(default_factory=list)


@contextmanager
def slow_server() -> Iterator[Server]:
    """Answers after `SERVER_S`, as a stream that goes on for as long again after the response."""
    server = Server()

    def one(sock: socket.socket) -> None:
        with sock:
            while request := read_request(sock):
                time.sleep(SERVER_S)
                message = json.dumps({"jsonrpc": "2.0", "id": json.loads(request[1])["id"], "result": {}})
                event = f"data: {message}\n\n".encode()
                server.answered_ns.append(noted(sock, HEAD + b"%x\r\n%b\r\n" % (len(event), event)))
                time.sleep(SERVER_S)
                server.ended_ns.append(noted(sock, b"0\r\n\r\n"))

    with accepting(one) as origin:
        server.url = f"{origin}/call"
        yield server


def noted(sock: socket.socket, data: bytes) -> tuple[int, int]:
    before_ns = time.monotonic_ns()
    sock.sendall(data)
    return before_ns, time.monotonic_ns()


def asleep(seconds: float) -> None:
    """The whole process, as one that has no processor."""
    getattr(time, "sleep")(seconds)  # noqa: B009 - never gevent's


def late_reader(read_late: bool) -> None:
    """When the user waits for its reply, nobody gets a turn until some time after the reply has come."""
    if read_late:
        gevent.get_hub().loop.update_now()
        gevent.spawn_later(SERVER_S / 2, asleep, SERVER_S / 2 + LATE_S)


def warmed_up(here: Here, sampling: Sampling) -> None:
    """The kernel begins to stamp a moment after it was asked to."""
    deadline = time.monotonic() + 20
    while not sampling.times(0).read_ms and time.monotonic() < deadline:
        here.user.call("tool")


def last_call(here: Here, sampling: Sampling) -> tuple[int, int, Any]:
    """What was added to it, how long it was held, and its row."""
    here.user.call("tool")
    told = sampling.times(time.monotonic_ns())
    (_, added_us) = told.added or (0, told.added_others_us)
    return round(added_us * 1000), round(told.held_us * 1000), here.rows().iloc[-1]


TRIES = 5


@pytest.mark.parametrize(
    ("sent_late", "read_late"), [(False, False), (True, False), (False, True), (True, True)]
)
def test_sending_late_and_reading_late_are_added_and_the_server_s_time_is_not(
    sampling: Sampling, sent_late: bool, read_late: bool
) -> None:
    """A call could be sent when the stream of the one before was over, not before; and read when it was answered."""
    for tries_left in reversed(range(TRIES)):
        try:
            added_to_one_call(sampling, sent_late, read_late)
        except (
            AssertionError
        ):  # a busy machine kept the server, or us, from running between two looks at the clock
            if not tries_left:
                raise
        else:
            return


def added_to_one_call(sampling: Sampling, sent_late: bool, read_late: bool) -> None:
    with slow_server() as server:
        here = Here(server.url, None)
        warmed_up(here, sampling)
        free_ns = time.monotonic_ns()
        if sent_late:
            asleep(LATE_S)
        late_reader(read_late)
        added_ns, held_ns, row = last_call(here, sampling)
        known_ns = time.monotonic_ns()
        until(lambda: len(server.ended_ns) == len(here.rows()))

    (answering_ns, answered_ns), (ending_ns, _) = server.answered_ns[-1], server.ended_ns[-2]
    least_ns, most_ns = row["sent_ns"] - free_ns, row["sent_ns"] - ending_ns
    assert least_ns - CLOSE_NS <= added_ns <= most_ns + CLOSE_NS
    assert added_ns < row["done_ns"] - row["intended_ns"] - SERVER_S * 1e9
    assert answering_ns - CLOSE_NS <= row["first_byte_ns"] <= row["done_ns"] <= answered_ns + CLOSE_NS
    assert held_ns <= known_ns - row["done_ns"]
    assert held_ns > LATE_S * 1e9 - CLOSE_NS if read_late else True


def test_an_arrival_that_waited_for_its_user_waited_for_the_server(sampling: Sampling) -> None:
    """Open load: it is in the response time, and not the generator's."""
    with slow_server() as server:
        here = Here(server.url, None)
        warmed_up(here, sampling)
        here.user.pacing.ready_ns -= int(0.5e9)  # it arrived half a second ago, and its user was busy
        added_ns, _, row = last_call(here, sampling)
        until(lambda: len(server.ended_ns) == len(here.rows()))

    assert row["done_ns"] - row["intended_ns"] > 0.5e9
    assert added_ns <= row["done_ns"] - server.ended_ns[-2][0] - SERVER_S * 1e9
