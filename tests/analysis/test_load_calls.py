"""Calls of the load: what users asked for, apart from what a client must do to be able to ask."""

import pytest

from harness.analysis.calls.calls import Calls
from harness.analysis.levels.steps import judge
from harness.analysis.objectives.observed import ObjectiveInputs, observe
from harness.conduct.live.last_second import look
from harness.mcp.operations import is_protocol
from harness.run_directory.samples import SCHEMA
from harness.scenario.objectives import parse
from tests.fakes.runs import S, rows

LOAD = (
    "tools/call:echo",
    "resources/read:file:///a",
    "prompts/get:x",
    "tools/list",
    "health",
    "status",
    "echo",
)
PROTOCOL = (
    "initialize",
    "notifications/initialized",
    "notifications/cancelled",
    "session/delete",
    "session/listen",
    "session/stream",
    "websocket/open",
    "ping",
    "tasks/get",
    "subscriptions/listen",
    "server/discover",
)

# 20 handshakes that worked, and 100 calls of which 5 failed: 96.0 % of all rows and 95 % of the calls are ok.
OPERATIONS = ["initialize"] * 20 + ["tools/call:echo"] * 100
OUTCOMES = ["ok"] * 20 + ["tool_error"] * 5 + ["ok"] * 95


def frame(operations=OPERATIONS, outcomes=OUTCOMES):
    return rows(len(operations), operation=operations, outcome=outcomes)


@pytest.mark.parametrize("name", LOAD)
def test_what_users_ask_for_is_the_load(name):
    assert not is_protocol(name)


@pytest.mark.parametrize("name", PROTOCOL)
def test_what_a_client_must_do_to_be_able_to_ask_is_protocol(name):
    assert is_protocol(name)


def test_handshakes_do_not_dilute_failures():
    """The same rows read three ways: by the report, by the conductor, and by the progress line."""
    data = frame()
    load = Calls.of(data).of_load()
    assert (len(load), load.decided()) == (100, 100)

    judged = judge(data, 0, 1000 * S)
    assert (judged.requests, judged.success_rate) == (100, 0.95)

    import pyarrow as pa

    table = pa.Table.from_pandas(data, preserve_index=False).cast(SCHEMA)
    live = look([table], 1, 0.0, 1.0)
    assert (live.ok, live.failed) == (95, 5)


@pytest.mark.parametrize(
    ("text", "value"), [("success_rate >= 1%", 0.95), ("success_rate >= 1% for initialize", 1.0)]
)
def test_an_objective_is_about_the_load_unless_it_names_an_operation(text, value):
    calls = Calls.of(frame())
    evidence = ObjectiveInputs(calls, calls.of_load(), ())
    assert observe(parse(f"{text} overall"), evidence).value == value


def test_a_session_that_could_not_be_opened_is_a_call_that_failed():
    """Seven users are let in and served, three are refused: not 100 %."""
    refused = frame(
        ["initialize"] * 10 + ["tools/call:echo"] * 7, ["ok"] * 7 + ["http_status"] * 3 + ["ok"] * 7
    )
    load = Calls.of(refused).of_load()
    assert (len(load), load.decided(), load.count(0)) == (10, 10, 7)
    assert judge(refused, 0, 1000 * S).success_rate == 0.7


def test_a_run_without_protocol_rows_is_not_copied():
    calls = Calls.of(frame(["echo"] * 3, ["ok"] * 3))
    assert calls.of_load() is calls
