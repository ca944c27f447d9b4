"""Finding the dialect from inside Locust, for plain `locust -f`: once a process."""

from collections.abc import Mapping

from harness.errors import TargetUnreachableError
from harness.load.inside.deadlines import Deadlines
from harness.load.inside.transport import Connection
from harness.mcp.discover import discover

TIMEOUT_S = 5.0


def find_protocol(url: str, headers: Mapping[str, str]) -> str:
    """The dialect the server speaks."""
    connection = Connection(url, Deadlines(), TIMEOUT_S, tuple(headers.items()))
    sequence = discover()
    try:
        request = next(sequence)
        while True:
            request = sequence.send(connection.exchange(request).reply)
    except StopIteration as ended:
        found = ended.value
    finally:
        connection.close()
    if found.protocol is None:
        raise TargetUnreachableError(f"No MCP server answers at {url}", found.reply.detail, "Check --host")
    return str(found.protocol)
