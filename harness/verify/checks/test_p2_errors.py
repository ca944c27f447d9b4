"""Is what is wrong refused in good order? An error, in time: never 5xx, never a hang, and the server lives on."""

import msgspec
import pytest

from harness.foundation.untrusted.documents import short
from harness.mcp import outcome
from harness.mcp.dialects import new_session
from harness.mcp.dialects.handshake import HandshakeSession
from harness.mcp.dialects.modern import MODERN_VERSION
from harness.mcp.messages import Reply, Request
from harness.mcp.tool import only_reads
from harness.verify.doors import DOORS, said
from harness.verify.finding import fail, skip
from harness.verify.safe_calls import wrong_arguments
from harness.verify.target import Target

pytestmark = pytest.mark.protocol
ERAS = [door for door in DOORS if door not in {"sse", "websocket", "plain"}]
NO_TOOL = "harness_verify_no_such_tool"
LARGE_BYTES = 8_000_000
NOT_IMPLEMENTED = 501
ERRORS = {outcome.TOOL_ERROR, outcome.RPC_ERROR}
HOW = "serve that version, if clients need it"


@pytest.mark.parametrize("door", ERAS)
def test_an_unknown_tool_is_an_error(target: Target, door: str) -> None:
    """Of JSON-RPC, or of the tool."""
    _offered(target, door)
    with target.client(door) as client:
        _is_error(client.call(NO_TOOL, {}), "a call of a tool that is not there")


@pytest.mark.parametrize("door", ERAS)
def test_an_unknown_method_is_an_error(target: Target, door: str) -> None:
    """Of JSON-RPC."""
    _offered(target, door)
    with target.client(door) as client:
        reply = client.request("harness/verify/no-such-method", {})
    if reply.outcome == outcome.SESSION_LOST and (reply.status or 500) < 500:
        return  # 404, with the code that says why
    _is_error(reply, "a method that is not there")


@pytest.mark.parametrize("door", ERAS)
def test_an_argument_of_the_wrong_type_is_an_error(target: Target, door: str) -> None:
    """The specification: servers must validate all tool inputs. Tried on a tool that only reads."""
    _offered(target, door)
    tried = [(tool, wrong_arguments(tool)) for tool in target.tools(door) or [] if only_reads(tool)]
    tool, given = next(((tool, given) for tool, given in tried if given is not None), (None, None))
    if tool is None or given is None:
        skip(
            "no tool that only reads must have an argument of a plain type",
            "annotate one that does (readOnlyHint)",
        )
    with target.client(door) as client:
        _is_error(
            client.call(tool["name"], given), f"a call of {tool['name']} with an object for a plain value"
        )


@pytest.mark.http
def test_what_is_no_json_is_refused(target: Target) -> None:
    """400 with -32700, usually."""
    half = msgspec.structs.replace(_first(target), body=b'{"jsonrpc": "2.0", "id": 1, "meth')
    _refused(target.exchange(half), "a truncated JSON text")


@pytest.mark.http
def test_a_body_of_another_type_is_refused(target: Target) -> None:
    """text/plain can be posted by a page of any site, without asking."""
    first = _first(target)
    headers = tuple((name, "text/plain" if name == "Content-Type" else text) for name, text in first.headers)
    _refused(target.exchange(msgspec.structs.replace(first, headers=headers)), "a body of type text/plain")


@pytest.mark.http
def test_a_body_that_is_too_large_is_refused_or_answered(target: Target) -> None:
    """Eight megabytes: by a status, an error, or the end of the connection; and then everything is as before."""
    first = _first(target)
    large = first.body[:-1] + b',"padding":"%b"}' % (b"x" * LARGE_BYTES)
    reply = target.exchange(msgspec.structs.replace(first, body=large))
    if reply.outcome == outcome.TIMEOUT or (reply.status is not None and reply.status >= 500):
        fail(f"a body of 8 MB ended with {said(reply)}")
    after = target.exchange(first)
    if after.outcome != outcome.OK:
        fail(f"the request after a body of 8 MB ended with {said(after)}")


@pytest.mark.http
@pytest.mark.parametrize("wrong", ["no Mcp-Method", "no Mcp-Name", "another Mcp-Method", "another Mcp-Name"])
def test_headers_that_disagree_with_the_body_are_refused(target: Target, wrong: str) -> None:
    """Of 2026-07-28: whoever routes by them must be able to trust them."""
    _offered(target, MODERN_VERSION)
    how, name = wrong.split()
    request = new_session(MODERN_VERSION).call(NO_TOOL, {})
    headers = tuple(line for line in request.headers if line[0] != name)
    if how == "another":
        headers += ((name, "tools/list" if name == "Mcp-Method" else "another"),)
    reply = target.exchange(msgspec.structs.replace(request, headers=headers))
    if reply.outcome == outcome.TOOL_ERROR or (reply.status == 200 and reply.code != -32020):
        fail(f"a call with {wrong} was accepted: {said(reply)}")
    _refused(reply, wrong)


@pytest.mark.http
def test_the_stream_beside_the_calls_opens_or_is_refused(target: Target) -> None:
    """GET: an event stream, or 405 where there is none; a page or a failure of the server's makes clients try for ever."""
    door = target.with_sessions()
    if door is None:
        skip(
            "it gives no session a name: there is no stream beside its calls",
            "serve sessions, if clients need them",
        )
    session = HandshakeSession(door.name)
    target.drive(session.opening())
    kept = [line for line in session.request("ping", {}).headers if line[0] not in {"Content-Type", "Accept"}]
    asked = Request("stream", b"", (*kept, ("Accept", "text/event-stream")), None, "GET")
    head = target.head(asked, target.places.mcp)
    target.drive(session.closing())
    if head is None:
        fail("GET, which opens the stream beside the calls, brought no answer")
    kind = head.headers.get("content-type", "")
    if head.status >= 500 and head.status != NOT_IMPLEMENTED:
        fail(
            f"GET, which opens the stream beside the calls, ended with HTTP {head.status}; 405 would be right"
        )
    if head.status < 300 and not kind.startswith("text/event-stream"):
        fail(
            f"GET, which opens the stream beside the calls, brought {short(kind or 'no type', 80)}; 405 would be right"
        )


def _first(target: Target) -> Request:
    """A request that is taken as it is."""
    first = target.first_request()
    if first is None:
        skip("it accepts no POST", "see the check that it speaks MCP")
    return first


def _offered(target: Target, door: str) -> None:
    looked_at = target.door(door)
    if not looked_at.offered or looked_at.broken:
        skip(f"it is not offered: {looked_at.why}", HOW)


def _is_error(reply: Reply, what: str) -> None:
    """An answer that says no, and no failure of the server's."""
    if reply.outcome == outcome.OK:
        fail(f"{what} was accepted as if it were right")
    if reply.outcome not in ERRORS and not (reply.status is not None and 400 <= reply.status < 500):
        fail(f"{what} ended with {said(reply)}")
    if (reply.status or 200) >= 500:
        fail(f"{what} ended with {said(reply)}")


def _refused(reply: Reply, what: str) -> None:
    """A 4xx, or an error of JSON-RPC."""
    if reply.outcome == outcome.OK:
        fail(f"{what} was accepted as if it were right")
    by_status = reply.status is not None and 400 <= reply.status < 500
    by_error = reply.status == 200 and (reply.code is not None or reply.outcome == outcome.RPC_ERROR)
    if not by_status and not by_error and reply.outcome != outcome.ID_MISMATCH:
        fail(f"{what} ended with {said(reply)}")
