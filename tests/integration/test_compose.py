"""docker-compose.yml without Docker: read, held against the rest of the project, and all of our commands started."""

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aio_pika
import aiohttp
import pytest
import yaml
from redis.asyncio import Redis

from harness.cli.main import run
from harness.cli.ramp import command as ramp
from harness.run_directory.undo import UndoJournal
from harness.services.processes import readiness
from harness.services.processes.ports import free_port
from harness.services.processes.process import running
from harness.services.toxiproxy import install
from tests import brokers
from tests.e2e.disturbed import assert_only_the_machine

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {"target", "toxiproxy", "locust-master", "locust-worker", "harness", "harness-worker"}
# They begin with a run and end with it: nobody waits for them.
OF_A_RUN = {"harness", "harness-worker"}
OFFICIAL = {"postgres", "rabbitmq", "redis"}
DOCKERFILE: str = COMPOSE["x-harness"]["build"]["dockerfile_inline"]
PROGRAMS = Path(sys.executable).parent


def test_every_part_is_there() -> None:
    """Ours from one image that is built here, the others from the images of their own projects."""
    assert set(SERVICES) == OURS | OFFICIAL
    assert {name for name, service in SERVICES.items() if "build" in service} == OURS
    for name in OFFICIAL:
        assert SERVICES[name]["image"].partition(":")[0] == name


def test_images_are_named_without_a_registry() -> None:
    """A name and a tag, which every registry and mirror understands."""
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    images = [service["image"] for service in SERVICES.values()]
    assert len(bases) == 2
    for image in [*bases, *images]:
        assert re.fullmatch(r"[a-z-]+(:[\w.-]+)?", image)
    assert not re.search(r"https?://", DOCKERFILE)


def test_what_is_published_is_published_on_loopback() -> None:
    """Nobody else on the network can load the server or break its links."""
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) >= 6
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert len({port.split(":")[1] for port in published}) == len(published)


def test_workers_can_be_many() -> None:
    """Nothing of a worker is there only once."""
    for name in ("locust-worker", "harness-worker"):
        assert not {"ports", "container_name"} & set(SERVICES[name])


def test_every_service_has_a_health_check_that_others_wait_for() -> None:
    """All but the run, which ends by itself."""
    for name, service in SERVICES.items():
        assert ("healthcheck" in service) != (name in OF_A_RUN), name
        for other, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in SERVICES[other]


def test_the_image_is_made_of_what_the_repository_has() -> None:
    """What is copied is there, what the wheel is made of is copied, and nothing else is sent to be built."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    copied = {source for line in lines for source in line.split()}
    assert [source for source in copied if not (ROOT / source).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "*"
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], *wheel["force-include"], *PROJECT["project"]["license-files"]} <= copied


def test_the_image_has_the_versions_that_the_project_pins() -> None:
    """Toxiproxy's exactly; a Python that it supports."""
    versions = set(re.findall(r"(?:Version=|@v)(\d+\.\d+\.\d+)", DOCKERFILE))
    assert versions == {install.VERSION}
    assert f"-X {install.MODULE}.Version=" in DOCKERFILE
    python = re.search(r"FROM python:(\d+)\.(\d+)-slim", DOCKERFILE)
    assert python
    assert (int(python[1]), int(python[2])) >= (3, 11)


def test_hosts_in_commands_are_services() -> None:
    """A renamed service would leave the others talking to nobody."""
    texts = [
        text
        for service in SERVICES.values()
        for text in [*service.get("command", []), *map(str, service.get("environment", {}).values())]
    ]
    texts += [proxy["upstream"] for proxy in proxies()]
    hosts = {host for text in texts for host in re.findall(r"(?:@|//|^)([a-z-]+):\d+", text)}
    assert hosts == {"toxiproxy", "target", "postgres", "rabbitmq", "redis"}
    assert hosts <= set(SERVICES)


def test_every_harness_command_is_one_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its flags are read by the command line itself; nothing runs."""
    read = []
    monkeypatch.setattr(ramp, "callback", lambda **given: read.append(given) or 0)
    assert run(SERVICES["harness"]["command"][1:]) == 0
    assert (read[0]["to"], read[0]["allowed_hosts"]) == (50, ("toxiproxy",))


def proxies() -> list[dict[str, Any]]:
    config: list[dict[str, Any]] = json.loads(COMPOSE["configs"]["proxies"]["content"])
    return config


class Addresses:
    """What containers call each other by, as addresses of this machine: every port is a free one."""

    def __init__(self, postgres_url: str, redis_url: str, amqp_url: str) -> None:
        self.ports = {port: free_port() for port in (8000, 8001, 8474, 8089, 5557, 15432)}
        database = re.sub(r"^.*@", "", postgres_url).partition("/")[0]
        self.texts = {
            "postgresql://harness:harness@toxiproxy:5432/postgres": postgres_url.replace(
                database, f"127.0.0.1:{self.ports[15432]}"
            ),
            "redis://redis:6379/0": redis_url,
            "amqp://harness:harness@rabbitmq:5672/": amqp_url,
            "0.0.0.0:5432": f"127.0.0.1:{self.ports[15432]}",
            "postgres:5432": database,
            ":15B5 ": f":{self.ports[5557]:04X} ",
            "0.0.0.0": "127.0.0.1",
            "locust-master": "127.0.0.1",
            "toxiproxy:8001": "127.0.0.1:8001",
            "target:8000": "127.0.0.1:8000",
        }

    def here(self, text: str) -> str:
        for name, address in self.texts.items():
            text = text.replace(name, address)
        return re.sub(r"\b(8000|8001|8474|8089|5557)\b", lambda port: str(self.ports[int(port[1])]), text)

    def command(self, words: list[str]) -> list[str]:
        """As in the container, with programs from where they are on this machine."""
        program = str(PROGRAMS / words[0])
        known = {"python": sys.executable, "harness": program, "locust": program}
        return [known.get(words[0], words[0]), *map(self.here, words[1:])]

    def environment(self, service: str) -> dict[str, str]:
        given = {key: self.here(value) for key, value in SERVICES[service].get("environment", {}).items()}
        return {key: value for key, value in given.items() if value}


@pytest.fixture
def addresses(
    postgres_url: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Addresses:
    """In a copy of what the image holds beside the package; a broker that is not here the server does without."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "locustfiles").symlink_to(ROOT / "locustfiles")
    redis = brokers.are_installed("redis") and request.getfixturevalue("redis_url")
    amqp = brokers.are_installed("rabbitmq") and request.getfixturevalue("amqp_url")
    return Addresses(postgres_url, redis or "", amqp or "")


@pytest.mark.timeout(180)
async def test_all_of_our_commands_work_together(
    addresses: Addresses, undo: UndoJournal, tmp_path: Path, toxiproxy_found: Path
) -> None:
    """Server, proxies, Locust's master and a worker get ready and healthy; a ramp through the proxy passes."""
    config = tmp_path / "toxiproxy.json"
    config.write_text(addresses.here(COMPOSE["configs"]["proxies"]["content"]))
    async with AsyncExitStack() as stack:

        async def start(service: str, change: Callable[[list[str]], list[str]] = list) -> None:
            environment = addresses.environment(service)
            argv = change(addresses.command(SERVICES[service]["command"]))
            log = tmp_path / f"{service}.log"
            await stack.enter_async_context(
                running(
                    argv,
                    name=service,
                    log=log,
                    env=environment,
                    ready=healthy(service),
                    ready_s=60,
                )
            )

        def healthy(service: str) -> readiness.Ready:
            kind, *words = SERVICES[service]["healthcheck"]["test"]
            assert kind == "CMD"
            argv = addresses.command(words)

            async def check() -> str | None:
                asking = await asyncio.create_subprocess_exec(
                    *argv,
                    env={**os.environ, **addresses.environment(service)},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                code = await asyncio.wait_for(asking.wait(), 20)
                return f"{shlex.join(argv)} ends with {code}" if code else None

            return readiness.Ready(f"the health check of {service}", check)

        await start("toxiproxy", lambda argv: [*argv[:-1], str(config)])
        await start("target")
        if addresses.environment("target").get("REDIS_URL"):
            await sessions_are_kept_in_redis(addresses)
        if url := addresses.environment("target").get("AMQP_URL"):
            async with await aio_pika.connect(url) as connection:  # there, or this is an error
                await (await connection.channel()).declare_queue("harness_target.tasks", passive=True)
        await host_is_allowed(addresses, "toxiproxy:8001")
        bind = str(addresses.ports[5557])
        web = str(addresses.ports[8089])
        await start("locust-master", lambda argv: [*argv, "--master-bind-port", bind, "--web-port", web])
        await start("locust-worker", lambda argv: [*argv, "--master-port", bind])
        await worker_is_counted(addresses)

        argv = [
            *addresses.command(SERVICES["harness"]["command"]),
            "--step",
            "1",
            "--hold",
            "1s",
            "--max",
            "2",
        ]
        async with running(argv, name="harness", log=tmp_path / "harness.log") as child:
            assert await child.ended_within(60)
        (summary,) = tmp_path.glob("reports/ramp/2*/summary.json")
        reasons = json.loads(summary.read_bytes())["reasons"]
        assert_only_the_machine(child.returncode, reasons, child.log_tail())


async def sessions_are_kept_in_redis(addresses: Addresses) -> None:
    """One that a client opens is found there."""
    say = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    async with (
        aiohttp.ClientSession(headers={"Accept": "application/json, text/event-stream"}) as client,
        client.post(
            addresses.here("http://127.0.0.1:8000/mcp"),
            json={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": say},
        ) as reply,
        Redis.from_url(addresses.environment("target")["REDIS_URL"]) as redis,
    ):
        session = reply.headers["mcp-session-id"]
        assert [key async for key in redis.scan_iter(match=f"*{session}*", count=1000)] != []


async def host_is_allowed(addresses: Addresses, host: str) -> None:
    """The server answers by the name that clients in other containers know it by."""
    url = addresses.here("http://127.0.0.1:8001/mcp")
    async with aiohttp.ClientSession() as client:
        async with client.post(url, headers={"Host": host}) as reply:
            assert reply.status != 421
        async with client.post(url, headers={"Host": "elsewhere:8001"}) as reply:
            assert reply.status == 421


async def worker_is_counted(addresses: Addresses) -> None:
    """The page that people look at shows it."""
    url = addresses.here("http://127.0.0.1:8089/stats/requests")

    async def check() -> str | None:
        async with aiohttp.ClientSession() as client, client.get(url) as reply:
            workers = (await reply.json())["workers"]
        return None if len(workers) == 1 else f"{len(workers)} workers"

    await readiness.until(readiness.Ready("the worker on the page", check), 30)
