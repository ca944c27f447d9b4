"""Deployments that are broken in ways that are hard to see, each named by the check that is for it; and sound ones of an unusual shape."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from harness.verify.results.suite import SuiteResult
from harness.verify.settings import Settings
from harness.verify.spec import lock
from harness.verify.spec.read import spec_of
from harness.verify.suite import verify
from tests.fakes.deployment import DROP, GET, HANDSHAKE, PUT, TOKEN, TOOL, Deployment, deployed

WRITES = {
    "write": {"call": "put", "args": {"id": "{{unique}}"}},
    "read": {"call": "get", "args": {"id": "{{unique}}"}},
    "remove": {"call": "drop", "args": {"id": "{{unique}}"}},
    "limits": {"visible": "100ms"},
}
AUTH = {"auth": {"good": {"Authorization": "Bearer ${TOKEN}"}}}
IN_A_SESSION = "who knows a session but brings no credentials is refused"


async def verified(url: str, expected: dict[str, Any] | None = None, **more: Any) -> SuiteResult:
    spec = spec_of(expected or {}, "verify.yaml", {"TOKEN": TOKEN})
    settings = Settings(url, keep_going=True, spec=spec, allow_writes=True, **more)
    return await asyncio.to_thread(verify, settings, [], lambda _: None)


def wrong(suite: SuiteResult) -> dict[str, str]:
    return {each.title: each.why for each in suite.results if each.outcome in {"failed", "unknown"}}


# What is wrong with it, what is expected, and which checks say so, each with a part of what it says.
@pytest.mark.thorough
@pytest.mark.parametrize(
    ("broken", "expected", "named"),
    [
        (("auth",), AUTH, {}),
        (
            ("auth", "only posts are checked"),
            AUTH,
            {f"{IN_A_SESSION} [DELETE]": "ends it without credentials"},
        ),
        (
            ("auth", "only posts are checked", "streams"),
            AUTH,
            {f"{IN_A_SESSION} [DELETE]": "ends it without", f"{IN_A_SESSION} [GET]": "ended with HTTP 200"},
        ),
        (("streams",), {}, {}),
        (
            ("the stream is a page",),
            {},
            {"the stream beside the calls opens or is refused": "brought text/html"},
        ),
        (("the stream breaks",), {}, {"the stream beside the calls opens or is refused": "ended with HTTP 500"}),
        (("malformed is a proxy's page",), {}, {"what is no json is refused": "HTTP 502"}),
        (
            ("one of two is an old build",),
            {"identity": {"version": "7"}},
            {
                "it is the build that is expected": "its version is 6, not 7",
                "everybody who answers is the same build": "2 builds answer at this address: fake 6, fake 7",
            },
        ),
        (("one of two has other tools",), {}, {"everybody who answers is the same build": "drop is"}),
        ((), WRITES, {}),
        (("writes overwrite each other",), WRITES, {"what many wrote at once is all there": "of them are not"}),
        (
            ("tools fail",),  # and its page of health says that all is well
            {"health": {"url": "/health", "contains": "ok"}, "tools": {"safe": {"look": {"at": "this"}}}},
            {"every declared safe call works": "database is away"},
        ),
        (
            ("structured is wrong",),
            {"tools": {"safe": {"look": {"at": "this"}}}},
            {"what a tool brings matches its output schema": "seen"},
        ),
    ],
)  # fmt: skip
async def test_what_is_broken_is_named(
    broken: tuple[str, ...], expected: dict[str, Any], named: dict[str, str]
) -> None:
    """By no other check, but where a tool that fails fails everywhere."""
    async with deployed(*broken) as (url, _):
        suite = await verified(url, expected)
    found = wrong(suite)
    if "tools fail" in broken:
        found = {title: why for title, why in found.items() if "only reads" not in title}

    assert set(found) == set(named), found
    assert [(title, found[title]) for title, why in named.items() if why not in found[title]] == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ((), ""),
        (("a page is lost",), "page 2 of tools/list ended with rpc_error"),
        (("a page is empty",), "drop is gone"),
    ],
)
async def test_a_page_of_the_list_of_tools_that_is_lost_is_named(
    broken: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    """One that comes to an error, and one that comes to nothing, as the lock tells."""
    kept = {"tools": lock.locked([TOOL, PUT, GET, DROP])}
    expected = {"tools": {"lock": "tools.lock.json"}}
    (tmp_path / "verify.yaml").write_text(json.dumps(expected))
    (tmp_path / "tools.lock.json").write_text(json.dumps(kept))
    async with deployed("pages", *broken) as (url, _):
        suite = await verified(url, expected, priority=1, spec_path=str(tmp_path / "verify.yaml"))
    found = wrong(suite)

    assert bool(found) == bool(broken), found
    assert not broken or any(said in why for why in found.values()), found


@asynccontextmanager
async def sticky(*processes: Deployment) -> AsyncIterator[str]:
    """A balancer that sends whoever brings its cookie back to the same process; clients of MCP bring none."""
    app, turn = web.Application(), [0]

    async def sent_on(request: web.Request) -> web.StreamResponse:
        turn[0] += 1
        number = int(request.cookies.get("affinity", turn[0] % len(processes)))
        process = processes[number]
        answer = await (process.post if request.method == "POST" else process.delete)(request)
        answer.set_cookie("affinity", str(number))
        return answer

    app.router.add_route("*", "/mcp", sent_on)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
    finally:
        await runner.cleanup()


async def test_sessions_in_memory_behind_sticky_cookies_are_named() -> None:
    """Each version that has them."""
    async with sticky(Deployment(), Deployment()) as url:
        found = wrong(await verified(url, priority=1))

    assert {f"a session is opened and lists its tools [{version}]" for version in HANDSHAKE} <= set(found)
    assert all("session_lost" in why for title, why in found.items() if "is opened" in title)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("shape", "path", "works"),
    [
        (("no sessions",), "/mcp", "a session is opened and lists its tools [2025-11-25]"),
        (("only modern",), "/mcp", "a session is opened and lists its tools [2026-07-28]"),
        (("no modern",), "/team/shop/v2/mcp/", "a session is opened and lists its tools [2025-11-25]"),
        (("pages", "streams"), "/mcp", "what many wrote at once is all there"),
    ],
)
async def test_what_is_sound_has_no_failure_whatever_its_shape(
    shape: tuple[str, ...], path: str, works: str
) -> None:
    """Without sessions, of one version alone, at any path."""
    async with deployed(*shape, path=path) as (url, _):
        suite = await verified(url, WRITES)

    assert wrong(suite) == {}
    assert suite.exit_code == 0
    assert works in {each.title for each in suite.results if each.outcome == "passed"}


async def test_a_check_of_quality_that_is_accepted_is_skipped_and_says_both_reasons() -> None:
    """One that must hold fails all the same."""
    known = "the gateway compares them"
    accept = {"a page of another origin is refused": known, "health is good": "never"}
    async with deployed("any origin", "ill") as (url, _):
        suite = await verified(url, {"accept": accept})
    by_name = {each.name: each for each in suite.results}
    accepted = by_name["a page of another origin is refused"]

    assert set(wrong(suite)) == {"health is good", "a rebound page is refused"}
    assert accepted.outcome == "skipped"
    assert known in accepted.why
    assert "was taken (HTTP 200)" in accepted.why
    assert suite.notes == (
        "verify.yaml accepts 'health is good', which must hold, and cannot be accepted away",
    )
    assert "Any web page that somebody opens" in wrong(suite)["a rebound page is refused"]
