"""A deploy by an orchestrator: what it is asked for, and a rolling replacement of two servers behind one address in the middle of it."""

import asyncio
import stat
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from harness.verify.results.suite import SuiteResult
from harness.verify.settings import Settings
from harness.verify.spec.read import spec_of
from harness.verify.suite import verify
from tests.fakes.deployment import Deployment

SESSION = "a session that was open before a deploy works after it"
# Asked for a restart it says so at once; asked for the status it waits until both were replaced, as kubectl does.
KUBECTL = """#!/bin/sh
echo "$*" >> {place}/asked
case "$2" in
  restart) mkfifo {place}/rolled; echo go > {place}/restart;;
  status) read done < {place}/rolled; echo "deployment successfully rolled out";;
esac
"""


class Balanced:
    """Two servers that take turns; a rollout replaces one after the other."""

    def __init__(self, place: Path, *, shared: bool) -> None:
        self.place, self.shared, self.built, self.turn = place, shared, 0, 0
        self.servers = [self._new(None), self._new(None)]
        if shared:
            self.servers[1].sessions = self.servers[0].sessions

    def _new(self, before: Deployment | None) -> Deployment:
        self.built += 1
        found = Deployment()
        if before is not None and self.shared:
            found.sessions = before.sessions
        return found

    def next(self) -> Deployment:
        """Whose turn it is; without shared sessions the first alone serves, so that they work until a deploy."""
        self.turn += 1
        return self.servers[self.turn % 2 if self.shared else 0]

    def roll(self) -> None:
        """As soon as somebody asks for it; in a thread of its own."""
        with (self.place / "restart").open() as asked:
            asked.read()
        for number in range(2):
            self.servers[number] = self._new(self.servers[number])
        with (self.place / "rolled").open("w") as rolled:
            rolled.write("done\n")


@asynccontextmanager
async def balanced(place: Path, *, shared: bool) -> AsyncIterator[tuple[str, Balanced]]:
    found, app = Balanced(place, shared=shared), web.Application()

    async def post(request: web.Request) -> web.StreamResponse:
        return await found.next().post(request)

    async def delete(request: web.Request) -> web.StreamResponse:
        return await found.next().delete(request)

    async def status(_: web.Request) -> web.StreamResponse:
        return web.json_response({"started": found.built})

    app.router.add_post("/mcp", post)
    app.router.add_delete("/mcp", delete)
    app.router.add_get("/status", status)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/mcp", found
    finally:
        await runner.cleanup()


async def rolled(
    place: Path, monkeypatch: pytest.MonkeyPatch, *, shared: bool
) -> tuple[SuiteResult, list[str]]:
    """Of a whole verification, and what kubectl was asked."""
    import os

    programs = place / "bin"
    programs.mkdir()
    os.mkfifo(place / "restart")
    kubectl = programs / "kubectl"
    kubectl.write_text(KUBECTL.format(place=place))
    kubectl.chmod(kubectl.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    deploy = {"kubernetes": "deployment/shop", "changes": {"get": "/status", "value": "started"}}
    async with balanced(place, shared=shared) as (url, found):
        rolling = threading.Thread(target=found.roll, daemon=True)
        rolling.start()
        spec = spec_of({"deploy": deploy}, "verify.yaml")
        settings = Settings(
            url, keep_going=True, spec=spec, allow_deploy=True, categories=frozenset({"deploy"})
        )
        suite = await asyncio.to_thread(verify, settings, [], lambda _: None)
    return suite, (place / "asked").read_text().splitlines()


@pytest.mark.parts
@pytest.mark.parametrize("shared", [True, False])
async def test_a_rolling_replacement_by_an_orchestrator_is_waited_for_and_what_it_loses_is_named(
    shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With sessions that both know, and with sessions in the memory of one."""
    suite, asked = await rolled(tmp_path, monkeypatch, shared=shared)
    failed = {each.name for each in suite.results if each.outcome in {"failed", "unknown"}}
    passed = {each.name for each in suite.results if each.outcome == "passed"}

    assert asked == ["rollout restart deployment/shop", "rollout status deployment/shop --timeout=300s"]
    assert failed == (set() if shared else {SESSION})
    assert suite.exit_code == (0 if shared else 1)
    assert "a deploy puts another process in its place" in passed
