"""Lines of a process's output: which are replies, which are noise, and what cannot be believed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.mcp import outcome
from harness.mcp.exchange import BODY_BYTES_MAX
from harness.mcp.lines import Lines
from harness.mcp.stdio_address import address, command

REPLY = {"jsonrpc": "2.0", "id": 1, "result": {}}


def line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


@pytest.mark.parametrize(
    ("said", "ended", "noise"),
    [
        (line(REPLY), outcome.OK, 0),
        (b"\r\n" + line(REPLY), outcome.OK, 0),
        (b"[INFO] started\nready\n" + line({"level": 30}) + line(REPLY), outcome.OK, 3),
        (line({"jsonrpc": "2.0", "method": "notifications/message"}) + line(REPLY), outcome.OK, 0),
        (line(REPLY | {"result": {"isError": True}}), outcome.TOOL_ERROR, 0),
        (line({"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": "no"}}), outcome.RPC_ERROR, 0),
        (line({"jsonrpc": "2.0", "id": 1}), outcome.BAD_BODY, 0),
        (b'{"jsonrpc": "2.0", \n' + line(REPLY), outcome.BAD_BODY, 0),
        (line(REPLY | {"id": 7}), outcome.ID_MISMATCH, 0),
        (line(REPLY | {"id": "1"}), outcome.ID_MISMATCH, 0),
        (line(REPLY | {"id": None}), outcome.ID_MISMATCH, 0),
        (b"x" * (BODY_BYTES_MAX + 1), outcome.BAD_BODY, 0),
    ],
)
def test_a_line_is_a_reply_or_noise_or_broken(said: bytes, ended: str, noise: int) -> None:
    """The same outcomes as over every other transport."""
    lines = Lines()
    lines.expect(1)
    lines.feed(said, 5)
    answer = lines.taken(1)

    assert answer is not None
    assert (answer.reply.outcome, lines.noise) == (ended, noise)


@given(st.lists(st.integers(1, 60), max_size=12))
def test_it_does_not_matter_how_the_output_is_cut(cuts: list[int]) -> None:
    """Three replies and what stands between them, in any pieces."""
    said = line(REPLY | {"id": 2}) + b"noise\n" + line(REPLY) + line(REPLY | {"id": 3})
    lines = Lines()
    for number in (1, 2, 3):
        lines.expect(number)
    for at, cut in enumerate(cuts):
        lines.feed(said[:cut], at)
        said = said[cut:]
    lines.feed(said, 99)

    assert [lines.taken(number).reply.outcome for number in (1, 2, 3)] == ["ok"] * 3  # type: ignore[union-attr]
    assert (lines.noise, lines.inside_line) == (1, False)


def test_a_reply_knows_when_its_line_began_and_ended() -> None:
    """Not when the line before did, and not when the next one does."""
    lines = Lines()
    lines.expect(1)
    text = line(REPLY)
    lines.feed(b"noise\n" + text[:4], 10)
    lines.feed(text[4:] + b"more", 20)
    answer = lines.taken(1)

    assert answer is not None
    assert (answer.first_ns, answer.last_ns, answer.size) == (10, 20, len(text))


def test_the_end_is_the_end_of_every_call_and_of_those_that_come() -> None:
    """A reply that was there before stays."""
    lines = Lines()
    lines.expect(1)
    lines.expect(2)
    lines.feed(line(REPLY), 1)
    lines.end(outcome.DISCONNECTED, "exit code 1")
    lines.expect(3)
    answers = [lines.taken(number) for number in (1, 2, 3)]

    assert [answer and answer.reply.outcome for answer in answers] == ["ok", "disconnected", "disconnected"]


def test_late_replies_are_ignored_and_requests_are_kept_to_be_answered() -> None:
    """A call that was given up does not spoil the next one."""
    lines = Lines()
    lines.expect(1)
    assert lines.taken(1) is None
    lines.expect(2)
    lines.feed(line(REPLY) + line({"jsonrpc": "2.0", "id": 1, "method": "ping"}), 1)

    assert not lines.known(2)
    assert [message.method for message in lines.asked] == ["ping"]


def test_a_command_is_an_address_and_back() -> None:
    """Also one with blanks and quotes."""
    argv = ["npx", "-y", "a server", "it's"]

    assert command(address(argv)) == argv
    assert command("http://127.0.0.1/mcp") == []
