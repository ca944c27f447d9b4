"""Each check catches what it is for, on a deployment that is wrong in that one way; a sound one passes them all."""

import asyncio
from typing import Any

import pytest

from harness.services.processes.ports import free_port
from harness.verify.finding import Result
from harness.verify.results.suite import SuiteResult
from harness.verify.settings import Settings
from harness.verify.spec.read import spec_of
from harness.verify.suite import verify
from tests.fakes.deployment import deployed

SESSION = "a session is opened and lists its tools"
ANSWERS = "a tool that only reads answers"
HANDSHAKES = 4

# What is wrong with it, and how many checks of which name say so.
WRONG: dict[str, dict[str, int]] = {
    "ill": {"health is good": 1},
    "calls are errors of their own": {ANSWERS: 5, "an unknown tool is an error": 5, "an argument of the wrong type is an error": 5},
    "bad schemas": {"each tool is described so that a client can call it": 1},
    "any tool is good": {"an unknown tool is an error": 5},
    "types are ignored": {"an argument of the wrong type is an error": 5},
    "unknown method is an error of its own": {"an unknown method is an error": 5},
    "malformed is an error of its own": {"what is no json is refused": 1},
    "text is taken": {"a body of another type is refused": 1},
    "large is an error of its own": {"a body that is too large is refused or answered": 1},
    "headers are ignored": {"headers that disagree with the body are refused": 4},
    "any origin": {"a page of another origin is refused": 1, "a rebound page is refused": 1},
    "any session is good": {"an unknown session is refused": 1, "a client can end its session": 1},
    "unknown session is an error of its own": {"an unknown session is refused": 1, "a client can end its session": 1},
    "deleted lives on": {"a client can end its session": 1},
    "one ends all": {"the end of one session is the end of no other": 1},
    "one session for all": {"the end of one session is the end of no other": 1},
    "leaks": {"no call brings what another asked for": 1},
    "slow": {"a request in a session is answered in time": 1},
    "structured is wrong": {"what a tool brings matches its output schema": 1},
    "structured is missing": {"what a tool brings matches its output schema": 1},
}  # fmt: skip
ONLY_QUALITY = set(list(WRONG)[3:])


async def verified(
    *wrong: str,
    timeout_s: float = 10.0,
    keep_going: bool = True,
    pattern: str = "",
    priority: int | None = None,
    expected: dict[str, Any] | None = None,
) -> tuple[SuiteResult, list[Result]]:
    """The whole of it, and what did not pass or was not skipped."""
    async with deployed(*wrong) as (url, _):
        settings = Settings(
            url,
            timeout_s=timeout_s,
            keep_going=keep_going,
            pattern=pattern,
            priority=priority,
            spec=spec_of(expected or {}, "verify.yaml"),
        )
        suite = await asyncio.to_thread(verify, settings, [], lambda _: None)
    return suite, [result for result in suite.results if result.outcome in {"failed", "unknown"}]


async def test_a_sound_deployment_passes_every_check_that_applies() -> None:
    """What does not apply says why, and what would make it run."""
    suite, wrong = await verified()
    skipped = [result for result in suite.results if result.outcome == "skipped"]

    assert wrong == []
    assert (suite.exit_code, suite.server) == (0, "fake 7")
    assert len([result for result in suite.results if result.outcome == "passed"]) > 35
    assert [result.title for result in skipped if not (result.why and result.how)] == []


@pytest.mark.thorough
@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_wrong_is_named_by_the_check_that_is_for_it(wrong: str) -> None:
    """And by no other."""
    suite, found = await verified(wrong)
    counted: dict[str, int] = {}
    for result in found:
        counted[result.name] = counted.get(result.name, 0) + 1

    assert counted == WRONG[wrong], [(result.title, result.why) for result in found]
    assert {result.outcome for result in found} == {"failed"}
    assert suite.exit_code == (8 if wrong in ONLY_QUALITY else 1)


async def test_tools_that_cannot_be_listed_are_named_first() -> None:
    """By the check of the door; nothing else is tried after it."""
    suite, found = await verified("no list", keep_going=False)

    assert suite.exit_code == 1
    assert [result.title for result in found] == [f"{SESSION} [2026-07-28]"]
    assert found[0].why == "tools/list ended with http_status (HTTP 500)"


async def test_an_error_page_instead_of_mcp_is_not_fit_to_serve() -> None:
    """Two hundred and a page of HTML: a health check of a load balancer would be content."""
    suite, found = await verified("an error page")

    assert suite.exit_code == 1
    assert "it speaks mcp" in {result.name for result in found}
    assert any("bad_body" in result.why for result in found)


async def test_a_redirect_is_named_with_where_it_leads_and_no_secret() -> None:
    """The first check that fails; the others are skipped, and say for what."""
    suite, found = await verified("redirected", keep_going=False)
    left = suite.results[suite.results.index(found[0]) + 1 :]

    assert [result.name for result in found] == ["nobody is sent elsewhere"]
    assert "http://elsewhere.example/mcp" in found[0].why
    assert "s3cr3t99" not in str(suite)
    assert {result.outcome for result in left} == {"skipped"}
    assert "nobody is sent elsewhere" in left[0].why
    assert "--keep-going" in left[0].how


async def test_a_handshake_that_fails_beside_a_door_that_works_is_a_failure_not_a_door_that_is_missing() -> (
    None
):
    """Of the four versions with a handshake."""
    suite, found = await verified("no handshake", priority=1)

    assert suite.exit_code == 1
    assert [result.name for result in found] == [SESSION] * HANDSHAKES
    assert all("503" in result.why for result in found)


async def test_a_call_that_never_ends_is_a_failure_within_the_time_limit() -> None:
    """And not of the suite."""
    _, found = await verified("calls hang", timeout_s=0.5, priority=1)

    assert [result.name for result in found] == [ANSWERS] * HANDSHAKES
    assert all("timeout" in result.why for result in found)


async def test_a_tool_that_fails_as_a_tool_may_is_unknown_and_never_passed() -> None:
    """Nobody has said whether it should."""
    suite, found = await verified("tools fail", pattern="only_reads")

    assert suite.exit_code == 3
    assert {result.outcome for result in found} == {"unknown"}
    assert all("database is away" in result.why for result in found)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("wrong", "name", "why"),
    [
        ("no delete", "a client can end its session", "cannot end sessions"),
        ("health is a page", "health is good", "a page for people"),
        ("no modern", "headers that disagree with the body are refused", "not offered"),
    ],
)
async def test_what_a_deployment_does_not_offer_is_skipped(wrong: str, name: str, why: str) -> None:
    """With the reason."""
    suite, found = await verified(wrong)
    skipped = [result for result in suite.results if result.name == name]

    assert found == []
    assert suite.exit_code == 0
    assert {result.outcome for result in skipped} == {"skipped"}
    assert all(why in result.why for result in skipped)


@pytest.mark.parametrize(
    ("wrong", "pattern", "expected", "name", "why"),
    [
        (
            "starves",
            "turn",
            {"limits": {"beside": "200ms"}},
            "a client gets its turn beside one with fifty calls",
            "during 50 calls of another client, in 3 tries; the limit is 200 ms",
        ),
        (
            "idle sessions are cleaned away",
            "idle",
            {"sessions": {"idle": "10ms"}},
            "a session that is idle is not cleaned away",
            "a session was gone after 10ms of idling",
        ),
    ],
)
async def test_a_promise_that_is_not_kept_is_named(
    wrong: str, pattern: str, expected: dict[str, Any], name: str, why: str
) -> None:
    """What it says is in verify.yaml; a sound deployment keeps it, or is told why nobody looked."""
    suite, found = await verified(wrong, pattern=pattern, expected=expected)
    _, none = await verified(pattern="idle", expected={"sessions": {"idle": "10ms"}})

    assert {result.name for result in found} == {name}
    assert why in found[0].why
    assert suite.exit_code == 8
    assert none == []


async def test_what_a_tool_promises_and_brings_passes() -> None:
    """And of one that promises nothing it is said that nobody looked."""
    suite, found = await verified("structured", pattern="output_schema")
    nothing, _ = await verified(pattern="output_schema")

    assert found == []
    assert [result.outcome for result in suite.results] == ["passed"]
    assert [(result.outcome, result.why) for result in nothing.results] == [
        ("skipped", "no tool has an outputSchema")
    ]


@pytest.mark.parametrize(
    ("section", "url", "names"),
    [
        (
            {"database": {"dsn": "${BEHIND}", "tables": {"a": {}}}},
            "postgresql://me:{secret}@127.0.0.1:{port}/x",
            3,
        ),
        ({"queue": {"url": "${BEHIND}", "name": "q"}}, "amqp://me:{secret}@127.0.0.1:{port}/", 3),
        ({"queue": {"management": "${BEHIND}", "name": "q"}}, "http://me:{secret}@127.0.0.1:{port}", 3),
    ],
)
async def test_what_stands_behind_it_and_cannot_be_reached_is_unknown(
    section: dict[str, Any], url: str, names: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be reached from elsewhere; no password is told."""
    secret = "pa55word-of-the-tests"
    monkeypatch.setenv("BEHIND", url.format(secret=secret, port=free_port()))
    suite, found = await verified(pattern="its_database or its_tables or its_queue", expected=section)

    assert suite.exit_code == 3
    assert {result.outcome for result in found} == {"unknown"}
    assert len(found) == names
    assert all("127.0.0.1" in result.why for result in found)
    assert secret not in str(suite)
