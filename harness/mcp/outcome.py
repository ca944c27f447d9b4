"""The outcomes: every call ends with exactly one, decided in the order in which things arrive.

    transport -> status -> content type -> JSON -> JSON-RPC shape -> id -> error -> isError -> what the scenario expects

`OK` is a success, `FAILED` are failures, `NEITHER` is left out of the success rate.
"""

from typing import Final

OK: Final = "ok"

TOOL_ERROR: Final = "tool_error"  # result.isError is true
UNEXPECTED: Final = "unexpected"  # a result that does not fit what the scenario expects of it
RPC_ERROR: Final = "rpc_error"  # a JSON-RPC error with our id
REJECTED: Final = "rejected"  # 400 before dispatch: -32020, -32021, -32022 (our mistake)
RATE_LIMITED: Final = "rate_limited"  # 429
UNAUTHORIZED: Final = "unauthorized"  # 401 or 403: who we are, or what we may do, is not enough
HTTP_STATUS: Final = "http_status"  # any other unexpected status
SESSION_LOST: Final = "session_lost"  # the server no longer knows our session
BAD_BODY: Final = "bad_body"  # not JSON, not JSON-RPC, or without a result
ID_MISMATCH: Final = "id_mismatch"  # an answer to something we did not ask
STREAM_ENDED: Final = "stream_ended"  # the stream ended cleanly without our response
TRUNCATED: Final = "truncated"  # the connection ended in the middle of a reply
HTTP_PROTOCOL: Final = "http_protocol"  # not HTTP
TIMEOUT: Final = "timeout"  # no answer in time
DISCONNECTED: Final = "disconnected"  # closed before any byte of a reply
RESET: Final = "reset"  # reset before any byte of a reply
CONNECT: Final = "connect"  # no connection could be made
UNFINISHED: Final = "unfinished"  # still open when the drain time ended

INPUT_REQUIRED: Final = "input_required"  # the tool asks the person something
CANCELLED: Final = "cancelled"  # a person interrupted the run, or a client gave the call up
NOT_HELD: Final = (
    "not_held"  # the harness had no room for the reply (`held`): its own limit, not the server's fault
)

FAILED: Final = (
    TOOL_ERROR,
    UNEXPECTED,
    RPC_ERROR,
    REJECTED,
    RATE_LIMITED,
    UNAUTHORIZED,
    HTTP_STATUS,
    SESSION_LOST,
    BAD_BODY,
    ID_MISMATCH,
    STREAM_ENDED,
    TRUNCATED,
    HTTP_PROTOCOL,
    TIMEOUT,
    DISCONNECTED,
    RESET,
    CONNECT,
    UNFINISHED,
)
NEITHER: Final = (INPUT_REQUIRED, CANCELLED, NOT_HELD)
ALL: Final = (OK, *FAILED, *NEITHER)

UNAUTHORIZED_STATUSES: Final = frozenset({401, 403})
# After these the connection is gone or cannot be believed, so a client would back off before it reconnects.
CONNECTION_FAILURES: Final = frozenset(
    {STREAM_ENDED, TRUNCATED, HTTP_PROTOCOL, TIMEOUT, DISCONNECTED, RESET, CONNECT, NOT_HELD}
)
