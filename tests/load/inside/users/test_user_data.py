"""Rows of feeders and values of earlier replies in the calls of a user, and the journeys that they make."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from locust.env import Environment
from locust.user.task import LOCUST_STATE_RUNNING

from harness.load.engine import LoadSpec
from harness.load.inside.users import McpUser, context
from harness.load.inside.users.classes import load_classes
from harness.load.inside.users.recorder import Recorder
from harness.run_directory.samples import Decoder, frame
from tests.fakes.gauges import gauges
from tests.fakes.session_server import SessionServer, session_server
from tests.load.inside.users.test_client_user import Kept


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """Nothing here waits for ever."""
    with gevent.Timeout(60):
        yield


class Here:
    """Users of one worker, and what was recorded of them."""

    def __init__(
        self,
        server: SessionServer,
        workload: list[dict[str, Any]],
        worker: int = 0,
        workers: int = 1,
        headers: dict[str, str] | None = None,
        **data: Any,
    ) -> None:
        spec = LoadSpec(
            base_url=server.url.removesuffix("/mcp"), mcp_url=server.url, ws_url="", spool_dir="", epoch_ns=0, protocol="2025-11-25",
            think=False, workload=workload, headers=headers or {}, workers=workers, data={name: {"numbers": []} | one for name, one in data.items()},
        )  # fmt: skip
        (self.kind,) = load_classes(spec)
        self.environment = Environment(user_classes=[self.kind])
        self.kept = Kept()
        self.recorder = Recorder(self.kept, worker, lambda: gauges(time.monotonic_ns()))
        self.context = context.attach(self.environment, spec, self.recorder)

    def user(self, number: int = 0) -> McpUser:
        """The user of that number, with its session open."""
        self.context.numbers = iter([number])
        user: McpUser = self.kind(self.environment)
        user._state = LOCUST_STATE_RUNNING
        user.on_start()
        return user

    def rows(self) -> list[tuple[str, str, str]]:
        """Operation, outcome and detail of each call and journey."""
        self.recorder.flush()
        decoder = Decoder()
        self.table = frame([decoder.table(block) for block in self.kept.blocks])
        found = zip(
            *(self.table[name].astype(str) for name in ("operation", "outcome", "detail")), strict=True
        )
        return [row for row in found if row[0].startswith(("tools/", "journey:", "resources/"))]


def args(server: SessionServer) -> list[Any]:
    return [one.params["arguments"] for one in server.asked if one.method == "tools/call"]


ECHO = [{"call": "echo", "args": {"id": "{{people.id}}"}}]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("own", [{0: "a", 1: "b", 3: "a"}] * 2),
        ("in_order", [{0: "b", 1: "a", 3: "c"}, {0: "b", 1: "a", 3: "c"}]),
    ],
)
def test_each_user_gets_the_rows_that_are_its_own(
    tmp_path: Path, order: str, expected: list[dict[int, str]]
) -> None:
    """Of three rows, in the second of two workers: by the user's number, or every second row for whoever comes."""
    file = tmp_path / "people.csv"
    file.write_text("id\na\nb\nc\n")
    with session_server() as server:
        here = Here(server, ECHO, 1, 2, people={"file": str(file), "order": order})
        users = {number: here.user(number) for number in (0, 1, 3)}
        for _ in expected:
            for user in users.values():
                user.call_from_workload()

    assert args(server) == [{"id": row} for each in expected for row in each.values()]


def test_each_user_sends_its_own_credentials(tmp_path: Path) -> None:
    """In every request, the opening of its session too; the values are hidden."""
    file = tmp_path / "people.csv"
    file.write_text("id\ntok-aaaaaaaa\ntok-bbbbbbbb\n")
    with session_server() as server:
        here = Here(
            server,
            [{"call": "echo"}],
            headers={"Authorization": "Bearer {{people.id}}"},
            people={"file": str(file), "order": "own"},
        )
        for number in (0, 1, 2):
            here.user(number).call_from_workload()
        sent = [
            (one.method, one.authorization)
            for one in server.asked
            if one.method in {"initialize", "tools/call"}
        ]

    assert sent == [
        (method, f"Bearer tok-{which * 8}") for which in "aba" for method in ("initialize", "tools/call")
    ]


def test_rows_at_random_are_drawn_by_the_seed(tmp_path: Path) -> None:
    """All of them come, and again the same."""
    file = tmp_path / "people.jsonl"
    file.write_text("".join(f'{{"id": {number}}}\n' for number in range(3)))
    drawn = []
    for _ in range(2):
        with session_server() as server:
            user = Here(server, ECHO, people={"file": str(file), "order": "random"}).user()
            for _ in range(20):
                user.call_from_workload()
            drawn.append([one["id"] for one in args(server)])

    assert drawn[0] == drawn[1]
    assert set(drawn[0]) == {0, 1, 2}


BUY = {
    "journey": "buy",
    "steps": [
        {"call": "search", "args": {"q": "{{people.id}}"}, "as_": "found"},
        {"call": "echo", "args": {"id": "{{reply.items[0].id}}"}},
        {"call": "echo", "args": {"text": "{{found.items[-1].word}} for {{people.id}}"}},
    ],
}


def test_a_journey_carries_its_row_and_values_of_its_replies_to_its_end(tmp_path: Path) -> None:
    """Its own row is as long as its calls together, and comes after them; the next one takes the next row."""
    file = tmp_path / "people.csv"
    file.write_text("id\na\nb\n")
    with session_server() as server:
        here = Here(server, [BUY], people={"file": str(file), "order": "in_order"})
        user = here.user()
        for _ in range(6):
            user.call_from_workload()

    assert args(server) == [
        {"q": "a"}, {"id": 7}, {"text": "seven for a"},
        {"q": "b"}, {"id": 7}, {"text": "seven for b"},
    ]  # fmt: skip
    one = [
        ("tools/call:search", "ok", ""),
        ("tools/call:echo", "ok", ""),
        ("tools/call:echo", "ok", ""),
        ("journey:buy", "ok", ""),
    ]
    assert here.rows() == one * 2
    took = (here.table["done_ns"] - here.table["intended_ns"]).where(
        here.table["operation"].astype(str).str.startswith(("tools/", "journey:"))
    )
    calls = took[here.table["operation"].astype(str).str.startswith("tools/")].iloc[:3].sum()
    (journey, _) = took[here.table["operation"].astype(str) == "journey:buy"]
    assert journey >= calls  # until its user had the replies


@pytest.mark.parametrize(
    ("second", "rows"),
    [
        ({"call": "fails"}, [("tools/call:fails", "tool_error", "no"), ("journey:buy", "tool_error", "step 2: no")]),
        (
            {"call": "echo", "args": {"id": "{{reply.items[5].id}}"}},
            [("journey:buy", "unexpected", "step 2 was not made: nothing at reply.items[5].id")],
        ),
        (
            {"call": "search", "expect": {"path": ["$.more"]}},
            [("tools/call:search", "unexpected", "nothing at '$.more': {\"content\":[],\"structuredContent\":{\"items\":[{\"id\":7,\"word\":\"seven\"}]}}"),
             ("journey:buy", "unexpected", "step 2: nothing at '$.more': {\"content\":[],\"structuredContent\":{\"items\":[{\"id\":7,\"word\":\"seven\"}]}}")],
        ),
    ],
)  # fmt: skip
def test_a_journey_whose_step_fails_has_failed_and_another_begins(
    second: dict[str, Any], rows: list[tuple[str, str, str]]
) -> None:
    """Of the same outcome; a step that cannot be made is no call, and the turn goes to the next journey."""
    steps = [{"call": "search"}, second, {"call": "echo"}]
    with session_server() as server:
        here = Here(server, [{"journey": "buy", "steps": steps}])
        user = here.user()
        for _ in range(3):
            user.call_from_workload()
        found = here.rows()

    assert found[: 1 + len(rows)] == [("tools/call:search", "ok", ""), *rows]
    assert found[1 + len(rows)][0] == "tools/call:search"
    assert len([row for row in found if row[0].startswith("tools/")]) == 3
