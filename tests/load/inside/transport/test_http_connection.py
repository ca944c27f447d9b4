"""The load's HTTP connection against real sockets, every fault of the wire among them."""

import select
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from math import ceil
from pathlib import Path

import gevent
import pytest

from harness.load.inside.transport import connecting as place
from harness.load.inside.transport.connecting import Endpoint
from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.http_connection import HttpConnection
from harness.load.inside.transport.sockets import bare_of
from harness.mcp import outcome
from harness.mcp.messages import Request
from harness.run_directory.schema import NULL
from tests import getting
from tests.fakes.wire import BY_PATH, CASES, Case, WireServer, wire_server
from tests.load.inside.waiting import until


@pytest.fixture(scope="module")
def server() -> Iterator[WireServer]:
    with wire_server() as running:
        yield running


def ask(case: Case | None = None, number: int = 1) -> Request:
    headers = (("Content-Type", "application/json"),)
    if case is not None and case.session:
        headers += (("Mcp-Session-Id", "s1"),)
    body = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{}}' % number
    return Request(
        "tools/call:x",
        body,
        headers,
        number,
        in_session=case is not None and case.session,
        names_session=case is not None and case.session,
    )


def connection(url: str, timeout_s: float = 10.0) -> HttpConnection:
    return HttpConnection(url, Deadlines(), timeout_s)


def timeout_for(case: Case) -> float:
    return 0.2 if case.outcome == outcome.TIMEOUT else 10.0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_way_the_wire_can_fail_has_its_name(server: WireServer, case: Case) -> None:
    """One outcome a case, with times in order and everything that came counted."""
    here = connection(server.url + case.path, timeout_for(case))

    done = here.exchange(ask(case))
    here.close()

    assert (done.reply.outcome, done.reply.code) == (case.outcome, case.code), done.reply
    assert case.detail in done.reply.detail
    assert done.sent_ns < done.done_ns
    assert (done.first_byte_ns == NULL) == (done.bytes_in == 0)
    assert not done.reused


def test_a_connection_is_used_again_after_json_and_after_a_stream(server: WireServer) -> None:
    """What follows the response is drained, so the next call finds the connection clean."""
    before = server.connections
    here = connection(server.url + "/stream")

    marks = [here.exchange(ask(number=number), target=target).reused for number, target in enumerate(
        ("/stream", "/json", "/stream", "/status-503", "/json"), 1
    )]  # fmt: skip
    here.close()

    assert marks == [False, True, True, True, True]
    assert server.connections == before + 1


@pytest.mark.parametrize(("carries", "calls"), [(0, 5), (1, 3), (2, 5), (3, 6)])
def test_a_connection_carries_so_many_calls_and_the_next_one_opens_another(
    server: WireServer, carries: int, calls: int
) -> None:
    """Counted by the server; what was read to the end before is read to the end here, and no call fails."""
    before = server.connections
    here = carrying(server.url, carries)

    done = [
        here.exchange(ask(number=number), target="/stream" if number % 2 else "/json")
        for number in range(calls)
    ]
    here.close()

    assert [one.reply.outcome for one in done] == ["ok"] * calls
    assert [one.reused for one in done] == [number % (carries or calls) != 0 for number in range(calls)]
    assert server.connections - before == (ceil(calls / carries) if carries else 1)


@pytest.mark.parametrize("path", ["/polled", "/a-request-with-our-id-first"])
def test_a_call_of_more_than_one_exchange_outlives_its_connection(server: WireServer, path: str) -> None:
    """A polled stream is taken up on another, what is asked in mid-stream is answered on one that is not kept either."""
    before = server.connections
    here = carrying(server.url, 1)

    done = []
    for _ in range(3):
        server.answers.clear()  # so that each call waits for its own
        done.append(here.exchange(ask(BY_PATH[path]), target=path))

    assert [(one.reply.outcome, one.reused) for one in done] == [("ok", False)] * 3
    assert server.connections - before == 6
    assert here._socket is None
    assert here._beside is None or here._beside._socket is None


def carrying(url: str, carries: int) -> HttpConnection:
    return HttpConnection(url, Deadlines(), 10.0, carries=carries)


def test_a_count_begins_anew_with_a_connection_that_the_server_closed(server: WireServer) -> None:
    """What is counted is the calls of one socket, not of one user."""
    before = server.connections
    here = carrying(server.url, 3)

    paths = ("/json", "/closed-before", "/json", "/json", "/json", "/json")
    marks = [here.exchange(ask(number=number), target=path).reused for number, path in enumerate(paths)]
    here.close()

    assert marks == [False, True, False, True, True, False]
    assert server.connections - before == 3


def test_a_connection_closed_while_idle_is_replaced_and_no_call_fails(server: WireServer) -> None:
    """The end of file is noticed before anything is sent."""
    here = connection(server.url + "/closed-after-the-answer")

    outcomes = []
    for number in (1, 2, 3):
        done = here.exchange(ask(number=number))
        outcomes.append((done.reply.outcome, done.reused))
        wait_for_end_of_file(here)
    here.close()

    assert outcomes == [("ok", False)] * 3


def wait_for_end_of_file(here: HttpConnection) -> None:
    if here._socket is not None:
        assert select.select([here._socket.fileno()], [], [], 10)[0]


def test_what_fails_on_a_connection_that_was_used_before_says_so(server: WireServer) -> None:
    """So that a reader can tell the server's idle time-out from a fault."""
    here = connection(server.url + "/json")
    here.exchange(ask())

    done = here.exchange(ask(number=2), target="/closed-before")

    assert (done.reply.outcome, done.reused) == (outcome.DISCONNECTED, True)


@pytest.mark.parametrize("path", ["/a-stream-that-stays-open", "/a-stream-that-floods"])
def test_draining_is_bounded_and_no_part_of_the_latency(server: WireServer, path: str) -> None:
    """A stream that never ends costs the connection, not the call."""
    here = connection(server.url + path)
    began_ns = time.monotonic_ns()
    done = here.exchange(ask())
    ended_ns = time.monotonic_ns()

    assert done.reply.outcome == outcome.OK
    assert done.done_ns < ended_ns
    assert here._socket is None
    assert here.free_ns(done.done_ns) == 0  # what follows its own response has held up no call yet
    assert done.done_ns < here.free_ns(ended_ns) <= ended_ns  # a call wanted meanwhile waited for the server
    assert ended_ns - began_ns < 10e9


def test_two_responses_to_one_request_cost_the_connection(server: WireServer) -> None:
    """The second may be taken for the answer to the next call: once, and never for the one after that."""
    BY_PATH["/twice"] = Case("twice", "ok", lambda w: (w.whole(w.answer()), w.whole(w.answer())))
    here = connection(server.url + "/twice")

    done = [here.exchange(ask(number=number)) for number in range(1, 9)]
    here.close()

    assert {one.reply.outcome for one in done} <= {"ok", "id_mismatch"}
    for before, after in pairwise(done):
        if before.reply.outcome == "id_mismatch":
            assert (after.reply.outcome, after.reused) == ("ok", False)


def test_a_refused_port_is_connect() -> None:
    """And nothing was sent."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        done = connection(f"http://127.0.0.1:{taken.getsockname()[1]}/mcp").exchange(ask())

    assert (done.reply.outcome, done.bytes_out, done.first_byte_ns) == (outcome.CONNECT, 0, NULL)
    assert "refused" in done.reply.detail


def test_an_unknown_host_is_connect() -> None:
    """Looking up the name is part of connecting."""
    assert connection("http://nowhere.invalid/mcp").exchange(ask()).reply.outcome == outcome.CONNECT


def test_a_listener_that_never_accepts_is_a_timeout() -> None:
    """A full backlog drops the handshake; the deadline covers connecting."""
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        done = connection(f"http://127.0.0.1:{deaf.getsockname()[1]}/", 0.3).exchange(ask())

    assert done.reply.outcome == outcome.TIMEOUT


def test_a_stopped_user_leaves_its_connection_closed(server: WireServer) -> None:
    """Killed in mid-call: the socket goes with it."""
    here = connection(server.url + "/hangs-before")
    user = gevent.spawn(here.exchange, ask())
    until(lambda: here._socket)

    user.kill()

    assert here._socket is None
    assert here.deadline_ns == 0


def test_the_request_is_one_send_with_host_length_and_the_user_s_headers(server: WireServer) -> None:
    """And the path with its query as it was given."""
    BY_PATH["/json?a=1&b=%20x"] = BY_PATH["/json"]
    here = HttpConnection(f"{server.url}/json?a=1&b=%20x", Deadlines(), 10, (("X-Token", "t"),))
    request = ask()
    done = here.exchange(request)
    here.close()

    lines = server.heads[-1].decode().split("\r\n")
    assert lines[0] == "POST /json?a=1&b=%20x HTTP/1.1"
    assert {f"Host: {server.url.removeprefix('http://')}", "X-Token: t"} <= set(lines)
    assert f"Content-Length: {len(request.body)}" in lines
    assert done.bytes_out == len(server.heads[-1]) + 4 + len(request.body)


def test_get_asks_for_200_and_a_word(server: WireServer) -> None:
    """How /health is looked at."""
    BY_PATH["/well"] = Case("well", "ok", lambda w: w.whole('{"status":"healthy"}'))
    BY_PATH["/ill"] = Case("ill", "bad_body", lambda w: w.whole('{"status":"degraded"}'))
    here = connection(server.url)

    def look(path: str) -> str:
        request = Request("health", b"", (), None, "GET", b"healthy")
        return here.exchange(request, target=path).reply.outcome

    assert [look("/well"), look("/ill"), look("/status-503")] == ["ok", "bad_body", "http_status"]
    here.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000/mcp", (False, "127.0.0.1", 8000, "127.0.0.1:8000", "/mcp")),
        ("http://example.test", (False, "example.test", 80, "example.test", "/")),
        ("https://example.test/a?b=c", (True, "example.test", 443, "example.test", "/a?b=c")),
        ("http://[::1]:81/x", (False, "::1", 81, "[::1]:81", "/x")),
        ("wss://bücher.test/ü", (True, "xn--bcher-kva.test", 443, "xn--bcher-kva.test", "/%C3%BC")),
    ],
)
def test_a_url_leads_to_a_place(url: str, expected: tuple[object, ...]) -> None:
    """Host header with its port when one was given, brackets for IPv6, nothing but ASCII on the wire."""
    place = Endpoint.of(url)

    assert (place.secure, place.host, place.port, place.host_header, place.target) == expected


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate that nobody trusts yet."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", str(path), "-out", f"{path}.crt",
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(getting.openssl(error))
    return path


@pytest.mark.parts
@pytest.mark.parametrize("trusted", [True, False])
def test_tls_is_spoken_and_certificates_are_verified(
    certificate: Path, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate of an unknown authority is no connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{certificate}.crt", certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(1):
            plain, _peer = listener.accept()
            plain.settimeout(10)
            try:
                with context.wrap_socket(plain, server_side=True) as sock:
                    for _ in range(2):
                        sock.recv(65536)
                        body = b'{"jsonrpc":"2.0","id":1,"result":{}}'
                        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            except OSError:
                plain.close()

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    if trusted:
        client = ssl.create_default_context(cafile=f"{certificate}.crt")
        gevent_context = place.gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        gevent_context.load_verify_locations(f"{certificate}.crt")
        assert client.check_hostname
        monkeypatch.setattr(place, "_tls", lambda _: gevent_context)
    here = connection(f"https://127.0.0.1:{listener.getsockname()[1]}/mcp")
    first, second = here.exchange(ask()), here.exchange(ask()) if trusted else None
    here.close()
    serving.join(10)
    listener.close()

    assert first.reply.outcome == (outcome.OK if trusted else outcome.CONNECT), first.reply
    assert second is None or (second.reply.outcome, second.reused) == (outcome.OK, True)


def test_a_send_that_fails_under_tls_is_not_followed_by_a_peek() -> None:
    """A TLS socket knows no peeking; the reset is told as it is."""

    class Broken(place.gevent.ssl.SSLSocket):
        def __init__(self) -> None:
            """A socket of the right kind that was never connected."""

        def send(self, data: bytes, flags: int = 0) -> int:
            raise ConnectionResetError(104, "reset by peer")

        def recv(self, size: int = 0, flags: int = 0) -> bytes:
            raise ValueError("non-zero flags not allowed")

        def __del__(self) -> None:
            """Nothing was opened."""

    here = connection("https://127.0.0.1:1/mcp")
    broken = Broken()
    with pytest.raises(ConnectionResetError):
        here._send(broken, bare_of(broken, secure=True), b"x")
