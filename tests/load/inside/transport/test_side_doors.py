"""The load's own connections at odd places: the same as the harness's client (tests/client/test_side_doors.py)."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.foundation.addresses.route import DIRECT, Proxy, Route, Tls
from harness.load.inside.transport import connecting, credential
from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.http_connection import HttpConnection
from harness.load.inside.transport.measured_exchange import Exchanged
from harness.mcp.dialects.handshake import HandshakeSession
from tests.fakes import doors


def asked(url: str, times: int = 1) -> list[Exchanged]:
    connection = HttpConnection(url, Deadlines(), 20.0)
    try:
        return [connection.exchange(HandshakeSession().call("echo", {})) for _ in range(times)]
    finally:
        connection.close()


@contextmanager
def going(way: Route) -> Iterator[None]:
    connecting.ROUTES.append(way)
    try:
        yield
    finally:
        connecting.ROUTES[:] = [DIRECT]


def test_ipv6_paths_and_queries_are_sent_as_they_are_written() -> None:
    """The connection is kept."""
    with doors.at_ipv6() as server:
        done = asked(f"{server.url}/team-a/mcp/?tenant=7&x=a%2Fb", 3)
        assert [(each.reply.outcome, each.reused) for each in done] == [
            ("ok", False),
            ("ok", True),
            ("ok", True),
        ]
        assert {*server.asked} == {("/team-a/mcp/?tenant=7&x=a%2Fb", server.url.removeprefix("http://"))}


def test_a_unix_socket_is_an_address_like_any_other(tmp_path: Path) -> None:
    """And one that is not there is no connection."""
    with doors.at_socket(tmp_path / "Mcp.Sock") as server:
        done = asked(f"{server.url}/api/mcp?x=1", 2)
        assert [(each.reply.outcome, each.reused) for each in done] == [("ok", False), ("ok", True)]
        assert {*server.asked} == {("/api/mcp?x=1", "localhost")}
    (gone,) = asked(f"{server.url}/mcp")
    assert (gone.reply.outcome, gone.reply.detail) == ("connect", "No such file or directory")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_replies_are_read_and_counted_as_they_came(encoding: str) -> None:
    """Also when the same head comes again: known heads are for plain bodies."""
    with doors.at_ipv4() as plain, doors.at_ipv4(encoding) as server:
        (whole,) = asked(f"{plain.url}/mcp")
        done = asked(f"{server.url}/mcp", 4)
        assert [each.reply.outcome for each in done] == ["ok"] * 4
        assert {str(each.reply.value()) for each in done} == {str(whole.reply.value())}
        assert max(each.bytes_in for each in done) < whole.bytes_in


def test_a_compression_that_is_not_read_is_named() -> None:
    """A bad body, not garbage."""
    with doors.at_ipv4("br") as server:
        (done,) = asked(f"{server.url}/mcp")
        assert done.reply.outcome == "bad_body"
        assert done.reply.detail.startswith("compressed with br, which is not read here")


def test_a_server_of_http2_only_is_told_as_such() -> None:
    """No HTTP that is spoken here."""
    with doors.http2_only() as url:
        (done,) = asked(f"{url}/mcp")
        assert (done.reply.outcome, done.reply.detail) == (
            "http_protocol",
            "it answers in HTTP/2, which is not spoken here",
        )


@pytest.mark.parametrize("login", ["", "me:p%40ss"])
def test_a_proxy_is_told_the_whole_url(login: str) -> None:
    """In every request of a connection that is kept."""
    with doors.at_ipv4() as server, doors.proxy(server.url, server) as address:
        with going(Route(proxy=Proxy("127.0.0.1", int(address.rpartition(":")[2]), login))):
            done = asked("http://gateway.test:8080/mcp?x=1", 3)
        assert [each.reply.outcome for each in done] == ["ok"] * 3
        assert {*server.asked} == {("/mcp?x=1", "gateway.test:8080")}
        assert server.proxied[0] == "POST http://gateway.test:8080/mcp?x=1 HTTP/1.1"
        assert any("Basic bWU6cEBzcw==" in line for line in server.proxied) is bool(login)


def test_what_a_proxy_refuses_is_no_connection() -> None:
    """With its status."""
    with doors.at_ipv4() as server, doors.proxy(server.url, server, "407 Who are you") as address:
        with going(Route(proxy=Proxy("127.0.0.1", int(address.rpartition(":")[2])))):
            (done,) = asked("https://gateway.test/mcp")
        assert (done.reply.outcome, done.reply.detail) == ("connect", "the proxy answers 407 Who are you")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    certificate, key = doors.certificates(tmp_path_factory.mktemp("tls"))
    return str(certificate), str(key)


@pytest.mark.parts  # openssl makes the certificate
def test_certificates_of_both_sides_and_a_tunnel(files: tuple[str, str]) -> None:
    """--cacert, --cert and --key, --insecure; what is said without them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(files[0])
    mutual = Tls(files[0], files[0], files[1])
    with doors.behind_tls(context) as server, doors.proxy(server.url, server) as address:
        proxy = Proxy("127.0.0.1", int(address.rpartition(":")[2]))
        url = f"{server.url}/mcp"
        for tls in (mutual, Tls("", files[0], files[1], insecure=True)):
            with going(Route(tls)):
                assert [each.reply.outcome for each in asked(url, 2)] == ["ok", "ok"]
        with going(Route(mutual, proxy)):
            assert [each.reply.outcome for each in asked("https://gateway.test/mcp", 2)] == ["ok", "ok"]
        with going(Route(Tls("", files[0], files[1]))):
            (refused,) = asked(url)
        assert refused.reply.outcome == "connect"
        assert refused.reply.detail.startswith("its certificate is not trusted: ")
        with going(Route(Tls(files[0]))):
            (unknown,) = asked(url)
        # The server's reason comes after the handshake, and may come after its end.
        assert unknown.reply.outcome in {"reset", "disconnected", "connect"}


def test_a_new_credential_goes_with_the_next_request_of_open_connections() -> None:
    """A user who brings one keeps it."""
    with doors.at_ipv4() as server:
        seen: list[str] = []
        connection = HttpConnection(f"{server.url}/mcp", Deadlines(), 20.0)
        own = HttpConnection(f"{server.url}/mcp", Deadlines(), 20.0, (("authorization", "Bearer own"),))
        try:
            for value in ("Bearer first-one", "Bearer second-one"):
                credential.use({"Authorization": value})
                for each in (connection, own):
                    request = HandshakeSession().call("echo", {})
                    seen.append(each._preambles.of(request, "/mcp").decode())
                    assert each.exchange(request).reply.outcome == "ok"
        finally:
            credential.use({})
            connection.close()
            own.close()
        lines = [
            [line for line in head.split("\r\n") if line.lower().startswith("authorization")] for head in seen
        ]
        assert lines == [
            ["Authorization: Bearer first-one"], ["authorization: Bearer own"],
            ["Authorization: Bearer second-one"], ["authorization: Bearer own"],
        ]  # fmt: skip
