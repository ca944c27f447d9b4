"""Clients as they are, against a server that sees each request: what each class of locustfiles/clients.py does on the wire."""

import time
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from locust.env import Environment
from locust.user.task import LOCUST_STATE_RUNNING

from harness.load.engine import LoadSpec
from harness.load.inside.users import client_user, context
from harness.load.inside.users.classes import load_classes
from harness.load.inside.users.client_user import ClientUser
from harness.load.inside.users.recorder import Recorder
from harness.run_directory.samples import Decoder, frame
from harness.run_directory.spool import Block, _decode
from harness.scenario.catalogue import CALLS_AT_ONCE, CLIENTS
from tests.fakes.gauges import gauges
from tests.fakes.session_server import LONG, SessionServer, session_server

VERSION, MODERN = "2025-11-25", "2026-07-28"


class Kept:
    """A spool in memory."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []

    def write(self, data: bytes) -> None:
        self.blocks.append(_decode(data[8:]))

    def close(self) -> None:
        """There is nothing to close."""


class Here:
    """One user of a preset, and what was recorded of it."""

    def __init__(
        self,
        server: SessionServer,
        preset: str,
        *calls: str | dict[str, Any],
        protocol: str = VERSION,
        replay: Any = (),
        **made: Any,
    ) -> None:
        spec = LoadSpec(
            base_url=server.url.removesuffix("/mcp"), mcp_url=server.url, ws_url="", spool_dir="", epoch_ns=0,
            protocol=protocol, think=False, timeout_s=20.0, clients={preset: 1} if preset else {}, replay=list(replay),
            workload=[one if isinstance(one, dict) else {"call": one} for one in calls],
        )  # fmt: skip
        (kind,) = load_classes(spec)
        environment = Environment(user_classes=[kind])
        self.kept = Kept()
        self.recorder = Recorder(self.kept, 0, lambda: gauges(time.monotonic_ns()))
        context.attach(environment, spec, self.recorder)
        self.user: ClientUser = type(kind.__name__, (kind,), made)(environment)
        self.user._state = LOCUST_STATE_RUNNING
        self.user.on_start()

    def work(self, times: int = 1) -> None:
        """Do its one task so often."""
        (task,) = set(self.user.tasks)
        for _ in range(times):
            task(self.user)

    def rows(self) -> list[tuple[str, str]]:
        """Operation and outcome of each, when the user has ended."""
        self.user.on_stop()
        self.recorder.flush()
        assert self.recorder.started == self.recorder.recorded
        decoder = Decoder()
        self.table = frame([decoder.table(block) for block in self.kept.blocks])
        return list(zip(self.table["operation"].astype(str), self.table["outcome"].astype(str), strict=True))


def test_a_success_that_is_not_what_was_expected_is_recorded_as_such() -> None:
    """With the reason; the session goes on."""
    with session_server() as server:
        here = Here(server, "steady", {"call": "long", "expect": {"contains": ["Database"]}})
        here.work(2)
        found = here.rows()

    assert found == [*OPENED, *[("tools/call:long", "unexpected")] * 2, CLOSED]
    assert set(here.table["detail"].astype(str)) >= {f"without 'Database': {LONG}"[:120]}


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """Nothing here waits for ever."""
    with gevent.Timeout(60):
        yield


OPENED = [("initialize", "ok"), ("notifications/initialized", "ok")]
CALLED = ("tools/call:echo", "ok")
CLOSED = ("session/delete", "ok")


@pytest.mark.parametrize(
    ("preset", "rows", "connections"),
    [
        ("steady", [*OPENED, CALLED, CALLED, CLOSED], 1),
        ("session-per-call", [*OPENED, CALLED, CLOSED, *OPENED, CALLED, CLOSED], 2),
        (
            "sessions-never-closed",
            [*OPENED, CALLED, ("session/left-open", "ok"), *OPENED, CALLED, ("session/left-open", "ok")],
            2,
        ),
        ("connection-per-call", [*OPENED, CALLED, CALLED, CLOSED], 5),
    ],
)
def test_sessions_and_connections_are_opened_and_closed_as_the_preset_says(
    preset: str, rows: list[tuple[str, str]], connections: int
) -> None:
    """Two calls of each; the server counts the connections."""
    with session_server() as server:
        here = Here(server, preset, "echo")
        here.work(2)
        found = here.rows()

    assert found == rows
    assert len({one.connection for one in server.asked}) == connections
    assert server.seen("DELETE") == ["DELETE"] * rows.count(CLOSED)


def test_sessions_that_are_left_open_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound a client keeps the session that it has, and closes that one."""
    monkeypatch.setattr(client_user, "LEFT_OPEN_MOST", 2)
    with session_server() as server:
        here = Here(server, "sessions-never-closed", "echo")
        here.work(5)
        found = here.rows()

    assert found.count(("session/left-open", "ok")) == 2
    assert len(server.seen("initialize")) == 3
    assert found[-1] == CLOSED


def test_an_agent_calls_at_once_in_one_session() -> None:
    """The server answers only when all are there; every one is due at the same time, and has its row."""
    with session_server(at_once=5) as server:
        here = Here(server, "agent", "together")
        here.user.call_at_once(5)
        found = here.rows()

    calls = [one for one in server.asked if one.method == "tools/call"]
    assert len({one.connection for one in calls}) == 5
    assert {one.session for one in calls} == {"s1"}
    assert found == [*OPENED, *[("tools/call:together", "ok")] * 5, CLOSED]
    assert len(set(here.table["intended_ns"][2:7])) == 1
    assert type(here.user).__name__ in CALLS_AT_ONCE


def test_calls_at_once_that_are_cut_off_have_their_rows() -> None:
    """A user that is stopped in mid-burst."""
    with session_server(at_once=9) as server:
        here = Here(server, "agent", "together")
        burst = gevent.spawn(here.user.call_at_once, 3)
        while len(server.seen("tools/call")) < 3:
            gevent.sleep(0.001)
        burst.kill()
        found = here.rows()

    assert found[2:5] == [("tools/call:together", "unfinished")] * 3


def test_a_call_is_given_up_and_the_server_is_told() -> None:
    """Neither a success nor a failure; calls that are answered in time are as ever."""
    with session_server() as server:
        here = Here(server, "cancelling", "never", patience=lambda _self: 0.01)
        here.work()
        assert server.given_up.wait(20)
        while not server.seen("notifications/cancelled"):
            gevent.sleep(0.001)
        found = here.rows()

    assert ("tools/call:never", "cancelled") in found
    (told,) = [one for one in server.asked if one.method == "notifications/cancelled"]
    assert (told.params["requestId"], told.session) == (2, "s1")
    assert here.user.pacing.backoff_s == 0


def test_a_slow_reader_takes_its_time_and_gets_all() -> None:
    """Five kilobytes, a kilobyte at a time: five pauses at least."""
    with session_server() as server:
        here = Here(server, "slow-reader", "long", reads_bytes_per_s=102_400)
        reply = here.user.call_from_workload()
        found = here.rows()

    assert reply is not None
    assert reply.value()["content"][0]["text"] == LONG
    assert ("tools/call:long", "ok") in found
    row = here.table[here.table["operation"] == "tools/call:long"].iloc[0]
    assert row["done_ns"] - row["sent_ns"] >= 5 * 10_000_000


@pytest.mark.parametrize(
    ("protocol", "opened", "cut", "idled"),
    [
        (VERSION, "session/listen", False, "ok"),
        (VERSION, "session/listen", True, "stream_ended"),
        (MODERN, "subscriptions/listen", False, "ok"),
        (MODERN, "subscriptions/listen", True, "stream_ended"),
    ],
)
def test_an_idle_stream_is_seen_to_be_open_or_cut(protocol: str, opened: str, cut: bool, idled: str) -> None:
    """Its row says for how long it was meant to be quiet, and is no call of the load."""
    with session_server() as server:
        here = Here(server, "idle-60", "echo", protocol=protocol, idle_s=30.0 if cut else 0.01)
        idle = gevent.spawn(here.work)
        if cut:
            while not server.streams:
                gevent.sleep(0.001)
            server.cut_streams()
        idle.get()
        found = here.rows()

    assert (opened, "ok") in found
    assert (f"session/idle:{30 if cut else 0.01:g}s", idled) in found
    assert CALLED in found


@pytest.mark.parametrize(
    ("refuses", "row"), [(False, "ok"), (True, "rpc_error"), ("on the stream", "rpc_error")]
)
def test_a_subscriber_listens_beside_its_calls(refuses: bool | str, row: str) -> None:
    """2026-07-28: `subscriptions/listen`; a refusal inside a status of 200 is one, as JSON and as an event."""
    with session_server(refuses_streams=refuses) as server:
        here = Here(server, "subscribing", "echo", protocol=MODERN)
        here.work(2)
        found = here.rows()

    assert found == [("subscriptions/listen", row), CALLED, CALLED]


def test_a_task_is_polled_to_its_end_and_its_row_has_the_whole_time() -> None:
    """From its submission to its result."""
    with session_server() as server:
        here = Here(server, "tasks-polled", "slow")
        here.work()
        found = here.rows()

    polls = ("tasks/get", "ok")
    assert found == [*OPENED, ("tasks/submit:slow", "ok"), polls, polls, ("tools/call:slow", "ok"), CLOSED]
    assert server.seen("tools/call", "tasks/get", "tasks/result")[-1] == "tasks/result"
    rows = here.table.set_index("operation")
    assert rows.loc["tools/call:slow", "intended_ns"] == rows.loc["tasks/submit:slow", "intended_ns"]


def test_a_form_is_answered_after_a_while() -> None:
    """2025-11-25: in mid-stream; the capability is declared when the session opens."""
    with session_server() as server:
        here = Here(server, "answering", "asks", answer_after=lambda _self: 0.01)
        here.work()
        found = here.rows()

    assert ("tools/call:asks", "ok") in found
    (opening,) = [one for one in server.asked if one.method == "initialize"]
    assert set(opening.params["capabilities"]) == {"elicitation", "sampling"}


def test_input_that_is_required_is_given_in_another_round() -> None:
    """2026-07-28: the first round is neither success nor failure, the second has the answers and the state."""
    with session_server() as server:
        here = Here(server, "answering", "asks-2026", protocol=MODERN, answer_after=lambda _self: 0.01)
        here.work()
        found = here.rows()

    called = "tools/call:asks-2026"
    assert [row for row in found if row[0] == called] == [(called, "input_required"), (called, "ok")]
    again = [one for one in server.asked if one.method == "tools/call"][-1]
    assert again.params["inputResponses"] == {"q": {"action": "accept", "content": {"name": "answer"}}}
    assert again.params["requestState"] == "st"


@pytest.mark.parametrize("protocol", [VERSION, MODERN])
def test_lists_are_read_to_their_last_page(protocol: str) -> None:
    """Those that the server offers; one that repeats itself ends."""
    with session_server() as server:
        here = Here(server, "listing", protocol=protocol)
        here.work()
        here.rows()

    cursors = [one.params.get("cursor") for one in server.asked if one.method == "tools/list"]
    assert cursors == [None, "1", "2"]
    assert len(server.seen("resources/list")) == 2
    assert not server.seen("prompts/list")


def test_every_preset_has_its_class() -> None:
    """With a docstring that says what it imitates, and the tasks of one."""
    for name, kind in CLIENTS.items():
        spec = LoadSpec(
            base_url="", mcp_url="", ws_url="", protocol=VERSION, spool_dir="", epoch_ns=0, clients={name: 1}
        )
        (found,) = load_classes(spec)
        assert found.__name__ == kind.class_name
        assert found.__doc__
        assert len(set(found.tasks)) == 1
    assert len({kind.class_name for kind in CLIENTS.values()}) == len(CLIENTS)


STEPS = [
    {"list": "tools"},
    {"call": "echo", "args": {"n": 1}, "after": 0.5},
    {"call": "together", "after": 0.25},
    {"call": "together", "at_once": True},
    {"request": "ping"},
]


def test_a_recording_is_played_in_its_order_with_its_pauses_and_begins_anew() -> None:
    """What was sent at the same time is; each round has a session of its own."""
    with session_server(at_once=2) as server:
        here = Here(server, "", replay=[{"steps": STEPS}])
        pauses = []
        for _ in range(5):
            pauses.append(here.user._think_s())
            here.work()
        found = here.rows()

    together, closed = ("tools/call:together", "ok"), ("session/delete", "ok")
    once = [*OPENED, ("tools/list", "ok"), CALLED, together, together, ("ping", "ok"), closed]
    assert found == [*once, *OPENED, ("tools/list", "ok"), closed]
    assert pauses == [0, 0.5, 0.25, 0, 0]
    assert [one.params["arguments"] for one in server.asked if one.params.get("name") == "echo"] == [{"n": 1}]


def test_users_take_the_recorded_sessions_by_turns() -> None:
    """The user with number 0 the first, number 1 the second."""
    recorded = [{"steps": [{"call": "echo"}]}, {"steps": [{"request": "ping"}]}]
    with session_server() as server:
        here = Here(server, "", replay=recorded)
        other = type(here.user)(here.user.environment)
        assert [user.steps[0][1][0].method for user in (here.user, other)] == ["tools/call", "ping"]  # type: ignore[attr-defined]
        here.user.on_stop()
