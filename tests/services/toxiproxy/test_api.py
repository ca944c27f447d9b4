"""What the real Toxiproxy does not do when asked to: hide behind a login, break down, be something else."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.foundation.errors import FaultBackendUnreachableError
from harness.services.processes.ports import free_port
from harness.services.toxiproxy.api import Api, RefusedError, Toxic


@dataclass
class Answers:
    """A server that answers everything the same way, and remembers what it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Answers]:
    answers = Answers()

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answers.asked.append((self.command, self.path, self.headers.get("Authorization")))
            self.send_response(answers.status)
            self.send_header("Content-Length", str(len(answers.body)))
            if answers.status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(answers.body)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        answers.url = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield answers
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (401, b"", FaultBackendUnreachableError, "refuses the harness access"),
        (403, b"no", FaultBackendUnreachableError, "refuses the harness access"),
        (503, b"", FaultBackendUnreachableError, "answered with 503: it hangs"),
        (500, b"oh dear", RefusedError, "500: oh dear"),
        (302, b"", RefusedError, "302"),
        (200, b"[" * 4_000_001, FaultBackendUnreachableError, "more than 4 MB"),
        (404, b"[" * 4_000_001, FaultBackendUnreachableError, "more than 4 MB"),
        (200, b"[" * 100_000 + b"]" * 100_000, FaultBackendUnreachableError, "is not Toxiproxy"),
        (200, b'{"version":' * 900 + b"1" + b"}" * 900, FaultBackendUnreachableError, "is not Toxiproxy"),
        (200, b"<html>", FaultBackendUnreachableError, "is not Toxiproxy"),
        (200, b"[]", FaultBackendUnreachableError, "is not Toxiproxy"),
        (200, b'{"version": 2}', FaultBackendUnreachableError, "is not Toxiproxy"),
    ],
)
async def test_an_answer_that_is_none_is_an_error(
    server: Answers, status: int, body: bytes, error: type[Exception], says: str
) -> None:
    """The library itself lets 401 and 503 pass, and follows redirections."""
    server.status, server.body = status, body
    with pytest.raises(error, match=says):
        await Api(server.url).version()
    assert [path for _, path, _ in server.asked] == ["/version"]


async def test_what_is_no_proxy_is_not_repeated_whole(server: Answers) -> None:
    """It may be as large as an answer."""
    server.body = b'{"p": {"name": "' + b"x" * 1_000_000 + b'"}}'
    with pytest.raises(FaultBackendUnreachableError, match="is not Toxiproxy") as raised:
        await Api(server.url).proxies()
    assert len(str(raised.value)) < 600


@pytest.mark.parametrize("body", [b"[]", b'{"p": 1}', b'{"p": {"name": "p"}}', b"null"])
async def test_proxies_that_are_none_are_an_error(server: Answers, body: bytes) -> None:
    """Not a traceback."""
    server.body = body
    with pytest.raises(FaultBackendUnreachableError, match="is not Toxiproxy"):
        await Api(server.url).proxies()


@pytest.mark.parametrize(
    "body", [b"[1]", b'[{"name": "t"}]', b'[{"name":"t","type":"x","stream":"upstream","toxicity":"?"}]']
)
async def test_toxics_that_are_none_are_an_error(server: Answers, body: bytes) -> None:
    """Not a traceback."""
    server.body = body
    with pytest.raises(FaultBackendUnreachableError, match="is not Toxiproxy"):
        await Api(server.url).toxics("p")


async def test_a_delete_that_did_nothing_is_an_error(server: Answers) -> None:
    """It said 200; the proxy and the toxic are still there."""
    toxic = b'{"name":"t","type":"x","stream":"upstream","toxicity":1}'
    server.body = b"[" + toxic + b"]"
    with pytest.raises(RefusedError, match="did not do what it was told: toxic t of proxy p"):
        await Api(server.url).remove_toxic("p", "t")
    server.body = b'{"p": {"name": "p", "listen": "", "upstream": "", "enabled": true, "toxics": null}}'
    with pytest.raises(RefusedError, match="did not do what it was told: proxy p"):
        await Api(server.url).delete_proxy("p")


async def test_a_toxic_that_was_taken_and_is_not_there_is_an_error(server: Answers) -> None:
    """A fault that never happened must not look injected."""
    server.body = b"[]"
    with pytest.raises(RefusedError, match="did not do what it was told: toxic t of proxy p"):
        await Api(server.url).add_toxic("p", Toxic("t", "latency"))


async def test_the_token_is_sent_and_nothing_else_gets_in_between(
    server: Answers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No HTTP proxy of the environment, no password from ~/.netrc; the token is not in what is printed."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server.body = b'{"version": "2.13.0"}'
    monkeypatch.setenv("TOXIPROXY_AUTH_TOKEN", "t0ken")
    api = Api(server.url)
    assert await api.version() == "2.13.0"
    assert "t0ken" not in repr(api)
    monkeypatch.delenv("TOXIPROXY_AUTH_TOKEN")
    await Api(server.url).version()
    assert [authorization for *_, authorization in server.asked] == ["Bearer t0ken", None]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8474",
        "https://127.0.0.1:8474",
        "http://",
        "http://127.0.0.1:8474/api",
        "http://me:secret@127.0.0.1:8474",
        "http://127.0.0.1:port",
        "http://[::1",
        "http://local..host:8474",
        "http://127.1:8474",
    ],
)
async def test_what_is_no_address_is_told_with_one_that_would_be(url: str) -> None:
    """Before anything is sent."""
    with pytest.raises(FaultBackendUnreachableError, match="is not the address") as caught:
        await Api(url).version()
    assert "http://127.0.0.1:8474" in caught.value.todo
    assert "secret" not in str(caught.value)


async def test_an_address_of_the_other_kind_is_put_in_brackets() -> None:
    """Whether or not this machine has that kind."""
    with pytest.raises(FaultBackendUnreachableError, match="does not answer"):
        await Api(f"http://[::1]:{free_port()}").version()


@pytest.mark.parametrize(
    ("read_back", "same"),
    [
        (Toxic("t", "latency", attributes={"latency": 5, "jitter": 0}), True),
        (Toxic("t", "latency", toxicity=1.0 - 1e-8, attributes={"latency": 5}), True),
        (Toxic("t", "latency", toxicity=0.9, attributes={"latency": 5}), False),
        (Toxic("t", "latency", "upstream", attributes={"latency": 5}), False),
        (Toxic("t", "latency", attributes={"latency": 6}), False),
        (Toxic("t", "latency", attributes={"jitter": 0}), False),
        (Toxic("t", "timeout", attributes={"latency": 5}), False),
        (Toxic("u", "latency", attributes={"latency": 5}), False),
    ],
)
def test_a_toxic_read_back_may_have_defaults_and_nothing_else(read_back: Toxic, *, same: bool) -> None:
    """Toxicity has 32 bits over there."""
    assert Toxic("t", "latency", attributes={"latency": 5}).says(read_back) is same
