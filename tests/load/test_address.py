"""Where a server's doors are."""

import pytest

from harness.foundation.addresses.resolved import is_this_machine
from harness.foundation.errors import UsageError
from harness.load.address import Doors, credentials, doors


@pytest.mark.parametrize(
    ("url", "protocol", "expected"),
    [
        ("http://127.0.0.1:8000", "auto", ("http://127.0.0.1:8000", "http://127.0.0.1:8000/mcp", "ws://127.0.0.1:8000/mcp/ws")),
        ("127.0.0.1:8000", "auto", ("http://127.0.0.1:8000", "http://127.0.0.1:8000/mcp", "ws://127.0.0.1:8000/mcp/ws")),
        ("https://h/api/mcp/", "auto", ("https://h", "https://h/api/mcp/", "wss://h/api/mcp/ws")),
        ("https://[::1]:8000/gateway/mcp?tenant=a", "auto", ("https://[::1]:8000", "https://[::1]:8000/gateway/mcp?tenant=a", "wss://[::1]:8000/gateway/mcp/ws")),
        ("http+unix://%2Frun%2FMcp.sock", "auto", ("http+unix://%2Frun%2FMcp.sock", "http+unix://%2Frun%2FMcp.sock/mcp", "ws+unix://%2Frun%2FMcp.sock/mcp/ws")),
        ("http+unix://%2Frun%2FMcp.sock/api?x=1", "auto", ("http+unix://%2Frun%2FMcp.sock", "http+unix://%2Frun%2FMcp.sock/api?x=1", "ws+unix://%2Frun%2FMcp.sock/api/ws")),
        ("http://h/mcp?x=1", "auto", ("http://h", "http://h/mcp?x=1", "ws://h/mcp/ws")),
        ("http://h/mcp/tools/call", "plain", ("http://h", "http://h/mcp/tools/call", "ws://h/mcp/ws")),
        ("ws://h:1/socket", "websocket", ("http://h:1", "http://h:1/socket", "ws://h:1/socket")),
        ("http://h/", "auto", ("http://h", "http://h/", "ws://h/ws")),
        ("http://h/?tenant=7", "auto", ("http://h", "http://h/?tenant=7", "ws://h/ws")),
        ("http+unix://%2Frun%2FMcp.sock/", "auto", ("http+unix://%2Frun%2FMcp.sock", "http+unix://%2Frun%2FMcp.sock/", "ws+unix://%2Frun%2FMcp.sock/ws")),
        ("http://h", "websocket", ("http://h", "http://h", "ws://h/mcp/ws")),
    ],
)  # fmt: skip
def test_one_address_gives_every_door(url: str, protocol: str, expected: tuple[str, str, str]) -> None:
    """A path is the endpoint itself, a slash alone, too; without one it is /mcp."""
    assert doors(url, protocol) == Doors(*expected)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/",
        "http://",
        "http://h:port/",
        "http://h:0/",
        ":::",
        "",
        "http+unix://run/x",
        "http+unix:///mcp",
        "http+unix://%2F" + "x" * 108,
    ],
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    """With an example of one."""
    with pytest.raises(UsageError, match="is not the URL of a server"):
        doors(url)


def test_credentials_of_a_url_become_a_header_and_leave_the_url() -> None:
    """No log, no Host header, no report shows them."""
    url = "http://me:p%40ss@127.0.0.1:1/mcp"

    assert doors(url).mcp_url == "http://127.0.0.1:1/mcp"
    assert credentials(url) == {"Authorization": "Basic bWU6cEBzcw=="}
    assert credentials("http://127.0.0.1/") == {}


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("no.such.invalid", False)],
)  # fmt: skip
def test_only_this_machine_s_own_addresses_are_loopback(host: str, expected: bool) -> None:
    """By address, or by a name that means nothing else."""
    assert is_this_machine(host) is expected
