"""`harness verify` against servers that are not ours to break: no false failure; and the reference server, which passes all."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.reference.keys import new_key
from harness.run_directory.undo import UndoJournal
from harness.services import target
from harness.verify.results.suite import SuiteResult
from harness.verify.settings import Settings
from harness.verify.spec.read import spec_of
from harness.verify.suite import verify
from tests import npm
from tests.fakes.mcp_server import mcp_server


async def verified(url: str) -> SuiteResult:
    return await asyncio.to_thread(verify, Settings(url, keep_going=True), [], lambda _: None)


def failed(suite: SuiteResult) -> list[tuple[str, str]]:
    return [(each.title, each.why) for each in suite.results if each.outcome in {"failed", "unknown"}]


@pytest.fixture
async def reference(undo: UndoJournal, tmp_path: Path, postgres_url: str) -> AsyncIterator[str]:
    async with target.managed(tmp_path, postgres_url) as started:
        yield started.mcp_url


async def test_the_reference_server_passes_every_check_on_every_door_that_it_has(reference: str) -> None:
    """There is no certificate, no HTTP+SSE, and nobody has said more of it."""
    suite = await verified(reference)
    skipped = [each for each in suite.results if each.outcome == "skipped"]
    by_itself = {
        each.title for each in skipped if "verify.yaml" not in each.how and each.category != "deploy"
    }

    assert failed(suite) == []
    assert suite.exit_code == 0
    assert by_itself == {
        "the certificate is valid for long enough",
        "a session is opened and lists its tools [sse]",
        "a tool that only reads answers [sse]",
        "clients can find out who gives credentials",
        "what a tool brings matches its output schema",
    }


@pytest.mark.parametrize(
    ("flags", "failing"),
    [
        ([], []),
        (
            ["--break", "open-door"],
            [
                "who brings no credentials is refused",
                "who brings bad credentials is refused",
                "who knows a session but brings no credentials is refused [POST]",
                "nobody opens a websocket without credentials",
            ],
        ),
    ],
)
async def test_a_door_that_any_key_opens_is_named_for_it(
    flags: list[str], failing: list[str], undo: UndoJournal, tmp_path: Path, postgres_url: str
) -> None:
    """Of the reference server with keys; a sound one refuses whoever has none."""
    key, schema = new_key(), f"verify_{uuid.uuid4().hex[:12]}"
    spec = spec_of(
        {"auth": {"good": {"Authorization": "Bearer ${KEY}"}}, "identity": {"name": "harness-target"}},
        "verify.yaml",
        {"KEY": key},
    )
    options = ["--auth", "--schema", schema, *flags]
    async with target.managed(
        tmp_path, postgres_url, arguments=options, env={"HARNESS_ADMIN_KEY": key}
    ) as started:
        settings = Settings(started.mcp_url, keep_going=True, spec=spec, priority=1)
        suite = await asyncio.to_thread(verify, settings, [], lambda _: None)

    assert [title for title, _ in failed(suite)] == failing
    assert "a tool that only reads answers [websocket]" in {
        each.title for each in suite.results if each.outcome == "passed"
    }


async def test_a_request_that_reads_what_another_asked_for_is_named(
    undo: UndoJournal, tmp_path: Path, postgres_url: str
) -> None:
    """Of the reference server, whose schema of one request is then sometimes that of another."""
    options = ["--schema", f"verify_{uuid.uuid4().hex[:12]}", "--break", "leaky-context"]
    async with target.managed(tmp_path, postgres_url, arguments=options) as started:
        suite = await verified(started.mcp_url)

    assert [title for title, _ in failed(suite)] == ["no call brings what another asked for"]
    assert "get_context with schema" in failed(suite)[0][1]
    assert suite.exit_code == 8


async def test_the_sdk_s_server_has_no_false_failure() -> None:
    """Its tool is not annotated: that nothing was called is said."""
    async with mcp_server() as url:
        suite = await verified(url)
    calls = {each.why for each in suite.results if each.name == "a tool that only reads answers"}

    assert failed(suite) == []
    assert suite.exit_code == 0
    assert "no tool is annotated as only reading" in calls


async def test_a_server_of_the_typescript_sdk_has_no_failure_but_what_it_really_does_wrong() -> None:
    """It takes requests of any Origin, which the specification forbids."""
    with npm.everything("streamableHttp") as origin:
        suite = await verified(f"{origin}/mcp")

    assert [title for title, _ in failed(suite)] == [
        "a page of another origin is refused",
        "a rebound page is refused",
    ]
    assert suite.exit_code == 8


async def test_a_server_of_http_sse_alone_is_verified_by_that_door() -> None:
    """What is posted nowhere is skipped, not passed."""
    with npm.everything("sse") as origin:
        suite = await verified(f"{origin}/sse")
    passed = {each.title for each in suite.results if each.outcome == "passed"}

    assert failed(suite) == []
    assert "a tool that only reads answers [sse]" in passed
    assert not [title for title in passed if "refused" in title]
