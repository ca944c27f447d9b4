"""What the C module calls ok, the functions in Python call ok, with the same result; what it leaves to them is never wrong."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.mcp import outcome
from harness.mcp.judge import judge_response
from harness.mcp.messages import Reply, parse

OURS = 7
USUAL = b'{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"hi"}],"isError":false}}'
PIECES = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b" ", b"\n", b"\\", b"\\u0041", b"\\ud83d\\ude00", b"\\ud83d", b"7", b"07", b"-7", b"7.0", b"70",
    b"1e5", b"1e999", b"-", b".5", b"true", b"false", b"null", b"nul", b'"jsonrpc"', b'"2.0"', b'"id"', b'"result"', b'"error"',
    b'"method"', b'"isError"', b'"resultType"', b'"complete"', b'"input_required"', b'"isErr\\u006fr"', b"\x00", b"\x1f", b"\x7f",
    b"\xc3\xa9", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\xff", b"123456789012345678901234567890", b'{"jsonrpc":"2.0","id":7,"result":{',
    b'"isError":true', b'"isError":false', b'"isError":[]', b'"resultType":"complete"', USUAL, b'"id":7,', b'"result":{},', b"}}",
]  # fmt: skip


def judged(body: bytes) -> Reply | None:
    """As `KnownHeads.judge` does it."""
    message = parse(body)
    if message is None or message.method is not msgspec.UNSET:
        return None
    return judge_response(message, OURS, 200, None)


def held(wire: Any, body: bytes) -> bool:
    """Whether C calls it ok; if so, Python must, and have the same result."""
    result = wire.ok_result(body, OURS)
    if result is None:
        return False
    reply = judged(body)
    assert reply is not None
    assert (reply.outcome, reply.detail) == (outcome.OK, "")
    assert reply.value() == Reply(outcome.OK, result=msgspec.Raw(result)).value()
    return True


@pytest.mark.parametrize(
    ("body", "ok"),
    [
        (USUAL, True),
        (b' {"result" : {} , "id" :7, "jsonrpc":"2.0" }\r\n', True),
        (b'{"jsonrpc":"2.0","id":7,"result":{"a":"\\u00e9\\n\\"","b":[1,-2.5e3,null,true,{}],"c":"\xc3\xa9"}}', True),
        (b'{"jsonrpc":"2.0","id":7,"result":{"resultType":"complete"}}', True),
        (b'{"jsonrpc":"2.0","id":7,"result":{"isError":true}}', False),
        (b'{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required"}}', False),
        (b'{"jsonrpc":"2.0","id":7,"result":{"isErr\\u006fr":true}}', False),
        (b'{"jsonrpc":"2.0","id":70,"result":{}}', False),
        (b'{"jsonrpc":"2.0","id":"7","result":{}}', False),
        (b'{"jsonrpc":"2.0","id":7.0,"result":{}}', False),
        (b'{"jsonrpc":"2.0","id":7,"id":8,"result":{}}', False),
        (b'{"jsonrpc":"2.0","id":7,"result":{}}x', False),
        (b'{"jsonrpc":"2.0","id":7,"result":{},"error":null}', False),
        (b'{"jsonrpc":"2.0","id":7,"result":{},"method":"ping"}', False),
        (b'{"jsonrpc":"2.0","id":7,"result":{"a":"\xed\xa0\x80"}}', False),
        (b'{"jsonrpc":"2.0","id":7,"result":{"a":' + b"[" * 300 + b"]" * 300 + b"}}", False),
        (b"", False),
        (b"{", False),
    ],
)  # fmt: skip
def test_only_what_is_ok_beyond_doubt_is_ok(wire: Any, body: bytes, ok: bool) -> None:
    """The usual, in the forms that servers send it; anything else is for Python to judge."""
    assert held(wire, body) == ok


def test_a_reply_cut_anywhere_is_none(wire: Any) -> None:
    """Nor is one with a byte changed called ok, unless Python calls it ok, too."""
    assert [size for size in range(len(USUAL)) if wire.ok_result(USUAL[:size], OURS)] == []
    for at in range(len(USUAL)):
        for byte in b'\x00"\\{}[]:,7 \xff':
            held(wire, USUAL[:at] + bytes([byte]) + USUAL[at + 1 :])


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=12))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([b'{"jsonrpc":"2.0","id":7,"result":{', b'"isError":false', b"}}"])
def test_any_bytes_are_judged_alike(wire: Any, parts: list[bytes]) -> None:
    """Whatever a server sends."""
    held(wire, b"".join(parts))
    held(wire, USUAL[:-2] + b"".join(parts))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["isError", "resultType", "content"]) | st.text(), JSON, max_size=4))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_result_is_judged_alike(wire: Any, result: dict[str, Any]) -> None:
    """Any JSON as the result of a call."""
    held(wire, b'{"jsonrpc":"2.0","id":7,"result":%b}' % msgspec.json.encode(result))
