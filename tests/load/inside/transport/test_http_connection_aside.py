"""What the load's HTTP connection does beside its calls, and what it makes of servers that do not listen to the end."""

import json
import queue
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator

import pytest

from harness.load.inside.transport import connecting
from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.http_connection import HttpConnection
from harness.mcp import outcome
from harness.mcp.dialects import Session, new_session
from harness.mcp.messages import Reply, Request
from tests import getting
from tests.fakes.accepting import accepting
from tests.fakes.wire import read_request
from tests.load.inside.waiting import until

REQUESTS_MAX = 50


def answering(seen: "queue.Queue[tuple[bytes, dict[str, object]]]") -> Callable[[socket.socket], None]:
    """Answers everything but calls of tools, which it leaves without an answer."""

    def act(sock: socket.socket) -> None:
        for _ in range(REQUESTS_MAX):
            request = read_request(sock)
            if request is None:
                return
            head, body = request
            message = json.loads(body)
            seen.put((head, message))
            if message["method"] == "tools/call":
                continue
            result = json.dumps(
                {"jsonrpc": "2.0", "id": message.get("id"), "result": {"protocolVersion": "2025-11-25"}}
            )
            text = result if "id" in message else ""
            sock.sendall(
                f"HTTP/1.1 200 OK\r\nMcp-Session-Id: s1\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
            )

    return act


def opened(connection: HttpConnection, protocol: str) -> Session:
    """A session, open where there is anything to open."""
    session = new_session(protocol)
    sequence = session.opening()
    try:
        request = next(sequence)
        while True:
            request = sequence.send(connection.exchange(request).reply)
    except StopIteration as ended:
        decided: Reply | None = ended.value
    assert decided is None or decided.outcome == outcome.OK
    return session


def test_a_call_that_timed_out_is_cancelled_in_its_session() -> None:
    """Else a server of the handshake versions works on, and what it does skews the next numbers."""
    seen: queue.Queue[tuple[bytes, dict[str, object]]] = queue.Queue()
    with accepting(answering(seen)) as url:
        connection = HttpConnection(url, Deadlines(), 0.3)
        session = opened(connection, "2025-11-25")
        request = session.call("slow", {})
        done = connection.exchange(request)
        until(lambda: seen.qsize() == 4)
        connection.close()
    *_, called, (head, told) = list(seen.queue)

    assert done.reply.outcome == outcome.TIMEOUT
    assert called[1]["method"] == "tools/call"
    assert told["method"] == "notifications/cancelled"
    assert told["params"] == {"requestId": request.id, "reason": "timeout"}
    assert b"Mcp-Session-Id: s1" in head


def test_what_is_asked_is_answered_within_the_deadline_of_the_call() -> None:
    """Three questions, and a server that takes none of the answers: the first one uses up the time there was."""
    posted: queue.Queue[bytes] = queue.Queue()

    def act(sock: socket.socket) -> None:
        _head, body = read_request(sock) or (b"", b"{}")
        if b'"method"' not in body:
            posted.put(body)
            read_request(sock)  # until the client goes away
            return
        asked = "".join(
            f'data: {{"jsonrpc":"2.0","id":{number},"method":"ping"}}\n\n' for number in (1, 2, 3)
        )
        sock.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n{asked}".encode())
        read_request(sock)

    with accepting(act) as url:
        connection = HttpConnection(url, Deadlines(), 0.3)
        done = connection.exchange(Request("x", b'{"method":"x"}', (), 1, in_session=True))
        connection.close()

    assert done.reply.outcome == outcome.TIMEOUT
    assert posted.qsize() == 1


@pytest.mark.parametrize("protocol", ["2026-07-28", "plain"])
def test_where_there_is_no_session_closing_is_the_word(protocol: str) -> None:
    """Nothing but the call itself is sent."""
    seen: queue.Queue[tuple[bytes, dict[str, object]]] = queue.Queue()

    def act(sock: socket.socket) -> None:
        head, body = read_request(sock) or (b"", b"{}")
        seen.put((head, json.loads(body)))
        read_request(sock)  # until the client goes away
        seen.put((b"", {"method": "gone"}))

    with accepting(act) as url:
        connection = HttpConnection(url, Deadlines(), 0.3)
        done = connection.exchange(new_session(protocol).call("slow", {}))
        until(lambda: seen.qsize() >= 2)

    assert done.reply.outcome == outcome.TIMEOUT
    assert seen.queue[-1][1]["method"] == "gone"
    assert len(seen.queue) == 2


def test_a_refusal_that_comes_before_the_body_is_sent_is_read() -> None:
    """413 and goodbye, with most of the body still on its way: a status, no reset."""

    def refuse(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        sock.close()

    with accepting(refuse) as url:
        connection = HttpConnection(url, Deadlines(), 10)
        done = connection.exchange(Request("x", b" " * 30_000_000, (), 1))

    assert (done.reply.outcome, done.reply.status) == (outcome.HTTP_STATUS, 413)


def test_a_server_that_resets_in_mid_request_is_a_reset() -> None:
    """Without a word there is nothing to read."""

    def leave(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.close()

    with accepting(leave) as url:
        done = HttpConnection(url, Deadlines(), 10).exchange(Request("x", b" " * 30_000_000, (), 1))

    assert done.reply.outcome in {outcome.RESET, outcome.DISCONNECTED}


def test_no_header_is_sent_twice() -> None:
    """A user's own Host and User-Agent replace ours; what the dialect says, a user cannot change."""
    seen: queue.Queue[tuple[bytes, dict[str, object]]] = queue.Queue()
    headers = (("host", "other.test"), ("User-agent", "me"), ("accept", "text/html"), ("content-Length", "1"))
    with accepting(answering(seen)) as url:
        connection = HttpConnection(url, Deadlines(), 10, headers)
        done = connection.exchange(new_session("2026-07-28").request("tools/list", {}))
        connection.close()
    lines = seen.get()[0].decode().split("\r\n")[1:]
    found = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    assert done.reply.outcome == outcome.OK
    assert len(found) == len(lines)
    assert (found["host"], found["user-agent"]) == ("other.test", "me")
    assert found["accept"] == "application/json, text/event-stream"
    assert int(found["content-length"]) > 1


@pytest.fixture(scope="module")
def server_context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ssl.SSLContext]:
    """A server's half of TLS, whose certificate the load trusts by SSL_CERT_FILE."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run([*command, *names], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(getting.openssl(error))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        patch.delenv("SSL_CERT_DIR", raising=False)
        connecting._tls.cache_clear()
        yield context
    connecting._tls.cache_clear()


@pytest.mark.parts
def test_a_server_that_hangs_behind_tls_is_a_timeout_too(server_context: ssl.SSLContext) -> None:
    """The sweep wakes whoever waits inside TLS, before the handshake and after it."""

    def after(sock: socket.socket) -> None:
        with server_context.wrap_socket(sock, server_side=True) as secured:
            while secured.recv(65536):
                pass

    def before(sock: socket.socket) -> None:
        while sock.recv(65536):
            pass

    for act in (after, before):
        with accepting(act) as url:
            connection = HttpConnection(url.replace("http:", "https:"), Deadlines(), 0.3)
            done = connection.exchange(new_session("2026-07-28").call("x", {}))
        assert (act.__name__, done.reply.outcome) == (act.__name__, outcome.TIMEOUT)


@pytest.mark.parts
def test_certificates_are_trusted_by_the_environment(server_context: ssl.SSLContext) -> None:
    """SSL_CERT_FILE names an authority; a connection over TLS is used again."""

    def act(sock: socket.socket) -> None:
        with server_context.wrap_socket(sock, server_side=True) as secured:
            for _ in range(2):
                _head, body = read_request(secured) or (b"", b"")
                text = json.dumps({"jsonrpc": "2.0", "id": json.loads(body)["id"], "result": {}})
                secured.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())

    with accepting(act) as url:
        connection = HttpConnection(url.replace("http:", "https:"), Deadlines(), 10)
        session = new_session("2026-07-28")
        first, second = (connection.exchange(session.call("x", {})) for _ in range(2))
        connection.close()

    assert (first.reply.outcome, first.reused) == (outcome.OK, False)
    assert (second.reply.outcome, second.reused) == (outcome.OK, True)
