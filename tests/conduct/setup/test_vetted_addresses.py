"""Every address of a run, collected and vetted before anything starts."""

import asyncio
import json
import shlex
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.conduct.setup import vetted_addresses
from harness.foundation.addresses import resolved
from harness.foundation.addresses.vetting import VettedAddresses
from harness.foundation.errors import HarnessError, UsageError
from harness.scenario.read import scenario_of
from harness.services.processes.ports import free_port

LOAD = [{"sustain": {"users": 1, "for": "1s"}}]
NOTHING = frozenset[str]()


def look_up(host: str) -> tuple[str, ...]:
    known = {"localhost": ("127.0.0.1",), "lab": ("10.0.0.5",), "both": ("127.0.0.1", "203.0.113.9")}
    if host not in known:
        raise OSError(-2, "Name or service not known")
    return known[host]


def vetted(
    environ: dict[str, str] | None = None, places: frozenset[str] = NOTHING, **more: Any
) -> VettedAddresses:
    scenario = scenario_of({"name": "s", "load": LOAD} | more, "test", environ={})
    return asyncio.run(vetted_addresses.vetted(scenario, places, environ or {}, look_up))


URL: dict[str, Any] = {"target": {"url": "http://localhost:1/mcp"}}
CLIENT = frozenset({"client"})
# Where the address stands (a variable, or a key of the scenario), what it is, and what the error says of it.
WRONG: list[tuple[str, Any, str]] = [
    ("target", {"url": ""}, "It is empty"),
    ("target", {"command": ["x"], "url": "http://localhost:1/mcp", "ready": ""}, "target.ready ''"),
    ("target", {"url": "http://0.0.0.0:8000/mcp"}, "0.0.0.0 is not an address of a server"),
    ("target", {"url": "http://both/mcp"}, "both is not this machine"),
    ("target", {"url": "http://[::1"}, "'http://[::1' is not the URL of a server"),
    ("target", {"command": ["x"], "ready": "http://0.0.0.0:1/"}, "0.0.0.0, which target.ready names,"),
    ("target", {"command": ["x"], "ready": "http://both:1/"}, "both, which target.ready names,"),
    ("target", {"command": ["x"], "ready": "file:///etc/passwd"}, "target.ready 'file:///etc/passwd'"),
    ("target", {"command": ["x"], "ready": "http://[::1"}, "target.ready 'http://[::1'"),
    ("target", {"command": ["x"], "url": "127.0.0.1:1/mcp"}, "target.url '127.0.0.1:1/mcp'"),
    ("target", {"command": ["x"], "url": "http://lab/mcp", "ready": "http://localhost:1/"}, "lab is not this"),
    ("target", {"options": ["--redis-url", "redis://lab/0"]}, "lab, which --redis-url names,"),
    ("target", {"options": ["--amqp-url=amqp://me:s3cret@lab/"]}, "lab, which --amqp-url names,"),
    ("target", {"options": ["--redis-url"]}, "--redis-url '' is not the URL"),
    ("DATABASE_URL", "postgresql://me:s3cret@lab/x", "lab, which DATABASE_URL names,"),
    ("DATABASE_URL", "postgresql://localhost,lab/x", "DATABASE_URL 'postgresql://localhost,lab/x'"),
    ("DATABASE_URL", "postgresql://localhost/x?host=lab", "gives its host or port twice"),
    ("DATABASE_URL", "postgresql://localhost/x?hostaddr=10.0.0.5", "gives its host or port twice"),
    ("DATABASE_URL", "postgresql://me@lab@?host=/run/postgresql", "more than one @"),
    ("DATABASE_URL", "postgresql:///x?host=lab", "has no host"),
    ("DATABASE_URL", "postgresql:///x", "has no host"),
    ("DATABASE_URL", "postgresql://%2Ftmp/x", "has a %"),
    ("DATABASE_URL", "postgresql://[::1", "DATABASE_URL 'postgresql://[::1'"),
    ("DATABASE_URL", "mysql://localhost/x", "begins with none"),
    ("AMQP_URL", "amqp://0.0.0.0/", "0.0.0.0, which AMQP_URL names,"),
    ("AMQP_URL", "amqp://me:s3cret@localhost:x/", "port"),
    ("REDIS_URL", "redis://2130706433/0", "REDIS_URL 'redis://2130706433/0'"),
    ("REDIS_URL", "redis://lab/0", "lab, which REDIS_URL names,"),
    ("REDIS_URL", "redis://localhost/0?host=lab", "gives its host or port twice"),
    ("TOXIPROXY_URL", "http://lab:8474", "lab, which TOXIPROXY_URL names,"),
    ("TOXIPROXY_URL", "http://0.0.0.0:8474", "0.0.0.0, which TOXIPROXY_URL names,"),
    ("TOXIPROXY_URL", "http://localhost:8474/path", "stands at the root"),
    ("TOXIPROXY_URL", "http://me:s3cret@localhost:8474", "stands at the root"),
    ("TOXIPROXY_URL", "https://localhost:8474", "begins with none"),
    ("TOXIPROXY_URL", "http://[::1", "TOXIPROXY_URL 'http://[::1'"),
    ("alert", "https://lab/s3cret", "lab, which --alert names,"),
    ("alert", "http://169.254.169.254/s3cret", "169.254.169.254, which --alert names,"),
    ("alert", "consle", "neither `console` nor the URL"),
    ("alert", "ftp://127.0.0.1/x", "neither `console` nor the URL"),
    ("alert", "http://localhost:0/s3cret", "port"),
    ("alert", "http://127.0.0.1@lab/", "lab, which --alert names,"),
]  # fmt: skip


def refused(where: str, value: Any, **more: Any) -> str:
    """What is said, without passwords and at exit 2; nothing when it is accepted."""
    said: HarnessError | None = None
    try:
        if where.isupper():
            other = {} if where != "TOXIPROXY_URL" else URL
            vetted({where: value}, CLIENT, **other, **more)
        else:
            vetted(**(URL | {where: value}), **more)
    except HarnessError as error:
        said = error
    assert said is None or isinstance(said, UsageError)
    assert "s3cret" not in str(said)
    return str(said or "")


def test_every_address_of_a_run_is_held_against_the_same_rules() -> None:
    """Where it stands is said, a password is not."""
    wrong = [
        (where, value, said)
        for where, value, expected in WRONG
        if expected not in (said := refused(where, value))
    ]

    assert wrong == []


def test_what_a_run_does_not_use_is_not_looked_at_and_what_was_allowed_is_taken() -> None:
    """TOXIPROXY_URL without a fault on a link; a database when the server is somebody else's."""
    elsewhere = {"TOXIPROXY_URL": "http://lab:8474", "DATABASE_URL": "postgresql://lab/x", "REDIS_URL": "?"}
    assert vetted(elsewhere, **URL) == {"localhost": ("127.0.0.1",)}
    assert vetted({"DATABASE_URL": "postgresql:///x?host=/run/postgresql", "REDIS_URL": "unix:///r"}) == {}
    assert vetted({"DATABASE_URL": "postgresql://lab/x"}, allowed_hosts=["lab"]) == {"lab": ("10.0.0.5",)}
    assert vetted({"TOXIPROXY_URL": "http://lab:8474/"}, CLIENT, **URL, allowed_hosts=["lab"])["lab"]


def test_what_is_behind_a_link_of_your_own_has_to_be_allowed() -> None:
    """Also where the variable of its env leads; a password is not said."""
    started = {"target": {"command": ["serve"], "url": "http://localhost/mcp"}}
    db = {"speaks": "postgres", "env": "SHOP_URL"}
    shop = {"SHOP_URL": "postgresql://me:s3cret@lab/x"}

    with pytest.raises(UsageError, match=r"lab, which links\.db names, is not this machine"):
        vetted(shop, **started, links={"db": db})
    with pytest.raises(UsageError, match=r"lab, which links\.api names"):
        vetted({}, **started, links={"api": {"upstream": "http://lab:9001", "env": "API_URL"}})
    with pytest.raises(UsageError, match="lab, which TOXIPROXY_URL names"):
        vetted({"SHOP_URL": "localhost", "TOXIPROXY_URL": "http://lab:1"}, **started, links={"db": db})
    with pytest.raises(UsageError) as refused:
        vetted({"SHOP_URL": "me:s3cret@lab"}, **started, links={"db": db})
    assert "s3cret" not in str(refused.value)
    assert vetted(shop, **started, links={"db": db}, allowed_hosts=["lab"])["lab"] == ("10.0.0.5",)


def test_a_webhook_goes_to_the_internet_over_https_only() -> None:
    """Its path is what lets others post to it; in a network of one's own that is one's own affair."""
    for url, allowed, expected in (
        ("https://8.8.8.8/s3cret", "8.8.8.8", ""),
        ("http://8.8.8.8/s3cret", "8.8.8.8", "over plain HTTP"),
        ("http://lab/s3cret", "lab", ""),
    ):
        assert expected in refused("alert", url, allowed_hosts=[allowed])
        assert refused("alert", url, allowed_hosts=[allowed]) == "" or expected


def test_nothing_is_started_and_nobody_is_spoken_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A whole command line each: exit 2, no process, no run directory, no connection, no proxy of the environment."""
    started = tmp_path / "started"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        for name in ("HTTP_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        scenario = tmp_path / "s.yaml"
        script = f"import pathlib; pathlib.Path({str(started)!r}).touch()"
        command = [sys.executable, "-c", script]
        yours = {"url": f"http://127.0.0.1:{port}/mcp"}
        tries: list[tuple[dict[str, Any], dict[str, str], str]] = [
            ({"target": {"command": command, "ready": f"http://0.0.0.0:{port}/"}}, {}, "where a server listens"),
            ({"target": {"command": command, "ready": f"http://127.1:{port}/"}}, {}, "no IPv4 address"),
            (
                {"target": {"command": command, "ready": f"http://127.0.0.1:{free_port()}/"}, "alert": ["https://203.0.113.9/"]},
                {},
                "203.0.113.9, which --alert names, is not this machine",
            ),
            ({"target": {"url": f"http://2130706433:{port}/mcp"}}, {}, "no IPv4 address"),
            ({"target": yours, "alert": [f"http://0.0.0.0:{port}/"]}, {}, "where a server listens"),
            ({"target": yours, "allowed_hosts": ["*"]}, {}, "names no host"),
            ({}, {"DATABASE_URL": f"postgresql://0.0.0.0:{port}/x"}, "where a server listens"),
            ({}, {"REDIS_URL": f"redis://0.0.0.0:{port}/0"}, "where a server listens"),
            (
                {"target": yours, "faults": [{"name": "f", "fault": "down", "at": "0s", "for": "1s"}]},
                {"TOXIPROXY_URL": f"http://0.0.0.0:{port}"},
                "where a server listens",
            ),
        ]  # fmt: skip
        for more, environ, expected in tries:
            scenario.write_text(json.dumps({"name": "s", "load": LOAD} | more))
            with monkeypatch.context() as patched:
                for name, value in environ.items():
                    patched.setenv(name, value)
                code = main.run(["run", str(scenario), "--out", str(tmp_path / "reports")])
            said = capsys.readouterr().err

            assert (code, said.count("\n")) == (2, 3), (more, environ, said)
            assert expected in said
            assert "Traceback" not in said
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert not started.exists()
    assert not (tmp_path / "reports").exists()


@pytest.mark.parts
def test_a_proxy_of_the_environment_carries_no_load_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The preflight goes straight to the server, which is not there: exit 4, and the proxy is not asked."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        url = f"http://localhost:{free_port()}/mcp"
        code = main.run(["sustain", "--users", "1", "--for", "1s", "--url", url, "--out", str(tmp_path)])

        assert code == 4, capsys.readouterr().err
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_options_of_the_reference_server_are_given_by_number() -> None:
    """A child would look the name up again."""
    with resolved.in_force({"lab": ("10.0.0.5",)}):
        words = shlex.split("--json --redis-url redis://:pw@lab:1/0 --amqp-url=amqp://lab/ --schema lab")
        assert asyncio.run(vetted_addresses.by_number(words)) == shlex.split(
            "--json --redis-url redis://:pw@10.0.0.5:1/0 --amqp-url=amqp://10.0.0.5/ --schema lab"
        )
