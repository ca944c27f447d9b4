"""Finds the dialect from inside Locust, for plain `locust -f`: once for each process."""

from collections.abc import Generator, Mapping
from typing import TypeVar

from harness.foundation.errors import TargetUnreachableError
from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.http_connection import HttpConnection
from harness.load.inside.transport.sse_connection import StreamConnection
from harness.mcp import outcome
from harness.mcp.dialects import new_session
from harness.mcp.dialects.modern import MODERN_VERSION, ModernSession
from harness.mcp.discover import NOT_POSTED_HERE, discover, list_tools
from harness.mcp.messages import Reply, Request
from harness.mcp.mirrored import sort_out

T = TypeVar("T")
TIMEOUT_S = 5.0


def find_protocol(url: str, headers: Mapping[str, str]) -> str:
    """Return the dialect that the server speaks; raise if no MCP server answers."""
    dialect = _run(url, headers, discover())
    if dialect.protocol is None and dialect.reply.status in NOT_POSTED_HERE and _streams(url, headers):
        return "sse"
    if dialect.protocol is None:
        raise TargetUnreachableError(f"No MCP server answers at {url}", dialect.reply.detail, "Check --host")
    return dialect.protocol


def find_mirrored(url: str, headers: Mapping[str, str], protocol: str) -> dict[str, dict[str, list[str]]]:
    """Return which arguments of its tools a server of 2026-07-28 wants in headers too.

    {} if it does not tell.
    """
    if protocol != MODERN_VERSION:
        return {}
    tools = _run(url, headers, list_tools(ModernSession()))
    return {} if isinstance(tools, Reply) else sort_out(tools)[1]


def _streams(url: str, headers: Mapping[str, str]) -> bool:
    """Whether the server has a stream of HTTP+SSE, and answers on it."""
    connection = StreamConnection(url, Deadlines(), TIMEOUT_S, tuple(headers.items()))
    try:
        request = next(new_session("sse").opening())
        return connection.exchange(request).reply.outcome == outcome.OK
    finally:
        connection.close()


def _run(url: str, headers: Mapping[str, str], sequence: Generator[Request, Reply, T]) -> T:
    connection = HttpConnection(url, Deadlines(), TIMEOUT_S, tuple(headers.items()))
    try:
        request = next(sequence)
        while True:
            request = sequence.send(connection.exchange(request).reply)
    except StopIteration as ended:
        value: T = ended.value
        return value
    finally:
        connection.close()
