"""Servers at odd places, asked by the harness's own client: as `discover`, the preflight and `verify` do."""

import ssl
from pathlib import Path

import pytest

from harness.client.preflight import preflight
from harness.foundation.addresses import route
from harness.foundation.addresses.route import Proxy, Route, Tls
from harness.foundation.errors import TargetUnreachableError, UsageError
from tests.fakes import doors


async def found(url: str) -> str:
    return str((await preflight(url, "auto", timeout_s=20.0)).server_name)


async def test_ipv6_paths_and_queries_are_sent_as_they_are_written() -> None:
    """With the brackets in the Host header, and the slash at the end."""
    with doors.at_ipv6() as server:
        assert await found(f"{server.url}/team-a/mcp/?tenant=7&x=a%2Fb") == "odd"
        assert {line for line, _ in server.asked} == {"/team-a/mcp/?tenant=7&x=a%2Fb"}
        assert {host for _, host in server.asked} == {server.url.removeprefix("http://")}


async def test_a_unix_socket_is_an_address_like_any_other(tmp_path: Path) -> None:
    """Its path has capitals, which host names would lose."""
    with doors.at_socket(tmp_path / "Mcp.Sock") as server:
        assert await found(f"{server.url}/api/mcp?x=1") == "odd"
        assert {*server.asked} == {("/api/mcp?x=1", "localhost")}
    with pytest.raises(TargetUnreachableError, match="No such file"):
        await found(f"{server.url}/mcp")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_compressed_replies_are_read(encoding: str) -> None:
    """Though nobody asked for them."""
    with doors.at_ipv4(encoding) as server:
        assert await found(f"{server.url}/mcp") == "odd"


@pytest.mark.parametrize("encoding", ["br", "zstd"])
async def test_a_compression_that_is_not_read_is_named(encoding: str) -> None:
    """Instead of garbage that is no JSON."""
    with doors.at_ipv4(encoding) as server, pytest.raises(UsageError, match=f"compressed with {encoding}"):
        await found(f"{server.url}/mcp")


async def test_a_server_of_http2_only_is_told_as_such() -> None:
    """And what can be done."""
    with doors.http2_only() as url, pytest.raises(UsageError, match="HTTP/2") as raised:
        await found(f"{url}/mcp")
    assert "HTTP/1.1" in raised.value.todo


@pytest.mark.parametrize(
    ("alt_svc", "offers"),
    [
        ('h3=":443"; ma=86400', True),
        ('h2="other:443", h3-29=":8443"', True),
        ('h2=":443"', False),
        ("clear", False),
        (None, False),
    ],
)
async def test_a_server_that_offers_http3_beside_is_told_as_such(alt_svc: str | None, offers: bool) -> None:
    """It is asked over HTTP/1.1 all the same."""
    with doors.at_ipv4() as server:
        server.headers |= {"Alt-Svc": alt_svc} if alt_svc else {}
        seen = await preflight(f"{server.url}/mcp", "auto", timeout_s=20.0)
    assert (seen.server_name, seen.offers_http3) == ("odd", offers)


@pytest.mark.parametrize("login", ["", "me:p%40ss"])
async def test_a_proxy_is_told_the_whole_url(login: str) -> None:
    """Plain HTTP; its user is not the server's business."""
    with doors.at_ipv4() as server, doors.proxy(server.url, server) as address:
        port = int(address.rpartition(":")[2])
        with route.in_force(Route(proxy=Proxy("127.0.0.1", port, login))):
            assert await found("http://gateway.test:8080/mcp?x=1") == "odd"
        assert {host for _, host in server.asked} == {"gateway.test:8080"}
        assert server.proxied[0].startswith("POST http://gateway.test:8080/mcp?x=1 ")
        assert any("Basic bWU6cEBzcw==" in line for line in server.proxied) is bool(login)


async def test_what_a_proxy_refuses_is_no_connection() -> None:
    """With its status, and the variables to look at."""
    with doors.at_ipv4() as server, doors.proxy(server.url, server, "407 Who are you") as address:
        with (
            route.in_force(Route(proxy=Proxy("127.0.0.1", int(address.rpartition(":")[2])))),
            pytest.raises(TargetUnreachableError, match="the proxy answers 407") as raised,
        ):
            await preflight("ws://gateway.test/mcp/ws", "websocket", timeout_s=20.0)
        assert "NO_PROXY" in raised.value.todo


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    certificate, key = doors.certificates(tmp_path_factory.mktemp("tls"))
    return str(certificate), str(key)


def server_context(files: tuple[str, str], *, asks: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(files[0])
    return context


@pytest.mark.parts  # openssl makes the certificate
async def test_certificates_are_trusted_by_authority_or_not_at_all(files: tuple[str, str]) -> None:
    """--cacert, --insecure; without them, what is wrong and what to give."""
    with doors.behind_tls(server_context(files)) as server:
        url = f"{server.url}/mcp"
        with pytest.raises(TargetUnreachableError, match="cannot be trusted") as raised:
            await found(url)
        assert "self-signed certificate" in raised.value.why
        assert "Operation not permitted" not in str(raised.value)
        assert "--cacert FILE (or SSL_CERT_FILE)" in raised.value.todo
        for tls in (Tls(ca=files[0]), Tls(insecure=True)):
            with route.in_force(Route(tls)):
                assert await found(url) == "odd"
        with (
            route.in_force(Route(Tls(ca=files[0]))),
            pytest.raises(TargetUnreachableError, match=r"Hostname mismatch|not valid for 'localhost'"),
        ):
            await found(url.replace("127.0.0.1", "localhost"))


@pytest.mark.parts
async def test_a_server_that_wants_a_certificate_gets_one(files: tuple[str, str]) -> None:
    """Mutual TLS, also through a proxy's tunnel; without it, the flags are named."""
    with doors.behind_tls(server_context(files, asks=True)) as server:
        url = f"{server.url}/mcp"
        mutual = Tls(files[0], files[0], files[1])
        with route.in_force(Route(mutual)):
            assert await found(url) == "odd"
        with route.in_force(Route(Tls(ca=files[0]))), pytest.raises(TargetUnreachableError) as raised:
            await found(url)
        assert "--cert" in str(raised.value)
        with doors.proxy(server.url, server) as address:
            by = Proxy("127.0.0.1", int(address.rpartition(":")[2]))
            with route.in_force(Route(mutual, by)):
                assert await found("https://gateway.test/mcp") == "odd"
            assert server.proxied[0].startswith("CONNECT gateway.test:443 ")


@pytest.mark.parts
async def test_the_wrong_scheme_for_a_port_is_told_as_such(files: tuple[str, str]) -> None:
    """TLS to a plain port was "Operation not permitted"."""
    with (
        doors.at_ipv4() as server,
        pytest.raises(TargetUnreachableError, match="does not speak TLS at this port"),
    ):
        await found(f"{server.url}/mcp".replace("http:", "https:"))
