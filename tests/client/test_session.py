"""A client that can do something for a server: what it declares, what it answers, and when it stops."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from harness.client.session import ROUNDS_MAX, connected
from harness.mcp import outcome
from harness.mcp.messages import Answers
from tests.fakes.wire import BY_PATH, Case, Wire, WireServer, event, wire_server

FORM = {"method": "elicitation/create", "params": {"message": "sure?"}}


@pytest.fixture(scope="module")
def server() -> Iterator[WireServer]:
    with wire_server() as running:
        yield running


def asking(path: str, *results: dict[str, Any]) -> list[dict[str, Any]]:
    """A server of 2026-07-28 that answers a tool with these, the last again and again; what it was sent."""
    seen: list[dict[str, Any]] = []

    def act(wire: Wire) -> None:
        seen.append(json.loads(wire.body))
        wire.whole(wire.answer(json.dumps(results[min(len(seen), len(results)) - 1])))

    BY_PATH[path] = Case(path, "", act)
    return seen


def required(state: str | None = None, questions: object = None) -> dict[str, Any]:
    asked = {"q1": FORM} if questions is None else questions
    return {"resultType": "input_required", "inputRequests": asked} | (
        {"requestState": state} if state else {}
    )


def accept(params: dict[str, Any]) -> dict[str, Any]:
    return {"action": "accept", "content": params}


ABLE: Answers = {"elicitation/create": accept}


async def test_what_a_tool_asks_is_given_with_its_state_and_a_new_id(server: WireServer) -> None:
    """The state as it was sent, or none; the same arguments; the capability declared with every request."""
    seen = asking("/asks", required("s-1"), required(), {"content": []})
    async with connected(server.url + "/asks", "2026-07-28", answers=ABLE) as client:
        reply = await client.call("tool", {"a": 1})
    params = [message["params"] for message in seen]

    assert reply.outcome == outcome.OK
    assert [message["id"] for message in seen] == [1, 2, 3]
    assert all(one["arguments"] == {"a": 1} for one in params)
    assert [one.get("requestState") for one in params] == [None, "s-1", None]
    assert params[1]["inputResponses"] == {"q1": accept(FORM["params"])}
    meta = [one["_meta"]["io.modelcontextprotocol/clientCapabilities"] for one in params]
    assert meta == [{"elicitation": {}}] * 3


@pytest.mark.parametrize(
    ("answers", "questions", "sent"),
    [
        ({}, None, 1),
        (ABLE, {"q1": {"method": "sampling/createMessage"}}, 1),
        (ABLE, {"q1": "no question"}, 1),
        (ABLE, ["no questions"], 1),
        (ABLE, None, 1 + ROUNDS_MAX),
    ],
)
async def test_what_nobody_can_answer_is_input_required(
    server: WireServer, answers: Answers, questions: object, sent: int
) -> None:
    """As it is under load; and whoever asks without end is not answered without end."""
    seen = asking("/asks-on", required("s", questions))
    async with connected(server.url + "/asks-on", "2026-07-28", answers=answers) as client:
        reply = await client.call("tool", {})

    assert reply.outcome == outcome.INPUT_REQUIRED
    assert len(seen) == sent


async def test_a_question_in_mid_stream_is_answered_by_who_can(server: WireServer) -> None:
    """Under the server's own id, before the response comes; the capability was declared in the handshake."""
    seen: list[dict[str, Any]] = []

    def act(wire: Wire) -> None:
        message = json.loads(wire.body or b"{}")
        seen.append(message)
        if message.get("method") == "initialize":
            wire.whole(wire.answer('{"protocolVersion":"2025-11-25"}'))
        elif message.get("method") != "tools/call":
            wire.whole("", "202 Accepted", "")
        else:
            ask = event(json.dumps({"jsonrpc": "2.0", "id": "s-9"} | FORM))
            wire.head_of("200 OK", "text/event-stream", "Transfer-Encoding: chunked")
            wire.send(f"{len(ask):x}\r\n{ask}\r\n")
            wire.wait_for_answer()
            last = event(wire.answer())
            wire.send(f"{len(last):x}\r\n{last}\r\n0\r\n\r\n")

    BY_PATH["/asks-in-stream"] = Case("", "", act)
    async with connected(server.url + "/asks-in-stream", "2025-11-25", answers=ABLE) as client:
        reply = await client.call("tool", {})

    assert reply.outcome == outcome.OK
    assert seen[0]["params"]["capabilities"] == {"elicitation": {}}
    assert json.loads(server.answers[-1]) == {"jsonrpc": "2.0", "id": "s-9", "result": accept(FORM["params"])}
