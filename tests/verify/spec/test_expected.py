"""verify.yaml against deployments: what is expected and not so is named by the check that is for it; what is learnt from a good one passes."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cli import main
from harness.verify.finding import Result
from harness.verify.results.suite import SuiteResult
from harness.verify.settings import Settings
from harness.verify.spec import lock
from harness.verify.spec.read import spec_of
from harness.verify.suite import verify
from tests.fakes.deployment import GET, PUT, TOKEN, TOOL, deployed

NAME = {"id": "{{unique}}"}
EXPECTED: dict[str, Any] = {
    "identity": {"name": "fake", "version": "7"},
    "doors": ["2026-07-28", "2025-11-25"],
    "tools": {"lock": "tools.lock.json", "safe": {"look": {"at": "this"}}},
    "write": {"call": "put", "args": NAME},
    "read": {"call": "get", "args": NAME},
    "remove": {"call": "drop", "args": NAME},
    "limits": {"visible": "100ms"},
    "sessions": {"required": True, "delete": True},
    "health": {"url": "/health", "contains": "ok"},
}
AUTH = {"required": True, "good": {"Authorization": "Bearer ${VERIFY_TEST_TOKEN}"}, "discovery": True}
ANSWERS, SESSION = "a tool that only reads answers", "a session is opened and lists its tools"
WRITTEN = {"what one client wrote another can read", "what many wrote at once is all there"}
OPEN = "who brings no credentials is refused"

# What is wrong, and the P1 checks that say so.
WRONG: dict[str, set[str]] = {
    "an old build": {"it is the build that is expected"},
    "a tool renamed": {"its tools are those of the lock", "every declared safe call works"},
    "a schema changed": {"its tools are those of the lock"},
    "writes are lost": WRITTEN,
    "writes are their session's": WRITTEN,
    "nothing is removed": WRITTEN,
    "no modern": {SESSION},
    "ill": {"health is good"},
    "health is a page": {"health is good"},
    "tools fail": {"every declared safe call works", ANSWERS},
    "open to all": {
        OPEN,
        "who knows a session but brings no credentials is refused",
        "who brings bad credentials is refused",
    },
    "any token": {"who brings bad credentials is refused"},
    "no challenge": {OPEN},
}


@pytest.fixture
def expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A verify.yaml with its lock, of a sound deployment with credentials."""
    monkeypatch.setenv("VERIFY_TEST_TOKEN", TOKEN)
    drop = PUT | {"name": "drop"}
    (tmp_path / "tools.lock.json").write_text(lock.text_of([TOOL, PUT, GET, drop]))
    path = tmp_path / "verify.yaml"
    path.write_text(yaml.safe_dump(EXPECTED | {"auth": AUTH}))
    return path


async def verified(
    path: Path, *wrong: str, writes: bool = True
) -> tuple[SuiteResult, list[Result], list[str], list[str]]:
    """Of a deployment with credentials: all of it, what failed, what was ever written, what is left."""
    async with deployed("auth", *wrong) as (url, fake):
        spec = spec_of(yaml.safe_load(path.read_text()), str(path))
        settings = Settings(
            url, priority=1, keep_going=True, spec_path=str(path), spec=spec, allow_writes=writes, timeout_s=5
        )
        suite = await asyncio.to_thread(verify, settings, [], lambda _: None)
        left = list(fake.kept)
    failed = [result for result in suite.results if result.outcome in {"failed", "unknown"}]
    return suite, failed, fake.ever, left


async def test_a_deployment_that_is_as_expected_passes_and_keeps_nothing(expected: Path) -> None:
    """What was written has a name of its own, and is removed."""
    suite, failed, ever, left = await verified(expected)

    assert failed == []
    assert suite.exit_code == 0
    assert len(ever) == 1 + 20  # one, and as many at the same time
    assert ever[0].startswith("verify-entry-")
    assert left == []
    assert TOKEN not in str(suite)


async def test_without_leave_nothing_is_written(expected: Path) -> None:
    """It is skipped, with what would give it."""
    suite, failed, ever, _ = await verified(expected, writes=False)
    skipped = {result.name: result.how for result in suite.results if result.outcome == "skipped"}

    assert (failed, ever) == ([], [])
    assert skipped["what one client wrote another can read"] == "add --allow-writes"


@pytest.mark.thorough
@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_not_as_expected_is_named(wrong: str, expected: Path) -> None:
    """By the check that is for it, and by no other."""
    suite, failed, _, _ = await verified(expected, wrong)

    assert {result.name for result in failed} == WRONG[wrong], [(each.title, each.why) for each in failed]
    assert suite.exit_code == 1


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("an old build", "its version is 6, not 7"),
        ("a tool renamed", "look is gone\nsee is new"),
        ("a schema changed", "look: inputSchema.properties.at.enum is gone"),
        ("health is a page", "GET /health ended with bad_body"),
    ],
)
async def test_a_failure_says_what_is_apart(wrong: str, why: str, expected: Path) -> None:
    """In the words that somebody needs who goes to look."""
    _, failed, _, _ = await verified(expected, wrong, writes=False)

    assert any(why in result.why for result in failed), [result.why for result in failed]


async def test_a_deployment_that_asks_for_credentials_that_nobody_gave_is_unknown() -> None:
    """It may be fit to serve, and it may not."""
    async with deployed("auth") as (url, _):
        suite = await asyncio.to_thread(verify, Settings(url, keep_going=True), [], lambda _: None)
    found = {result.name: result for result in suite.results}

    assert found["it speaks mcp"].outcome == "unknown"
    assert "none were given" in found["it speaks mcp"].why
    assert suite.exit_code == 3


@pytest.mark.parts
async def test_what_is_learnt_from_a_good_deployment_holds_for_it_and_not_for_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written over, and no credential is in it."""
    monkeypatch.setenv("VERIFY_AUTHORIZATION", f"Bearer {TOKEN}")
    path = tmp_path / "verify.yaml"
    learn = ["--learn", "--spec", str(path), "-H", f"Authorization: Bearer {TOKEN}"]
    async with deployed("auth") as (url, _):
        codes = [await asyncio.to_thread(main.run, ["verify", "--url", url, *learn]) for _ in range(2)]
    told = capsys.readouterr()
    out = ["--out", str(tmp_path / "out")]
    for wrong, code in (("auth", 0), ("an old build", 1), ("a tool renamed", 1), ("open to all", 1)):
        async with deployed("auth", wrong) as (url, _):
            codes.append(await asyncio.to_thread(main.run, ["verify", "--url", url, *out, str(path)]))
        assert codes[-1] == code, wrong
    found = yaml.safe_load(path.read_text())

    assert codes[:2] == [0, 2]
    assert "already exists" in told.err
    assert "VERIFY_AUTHORIZATION" in told.out
    assert TOKEN not in path.read_text() + (tmp_path / "tools.lock.json").read_text() + str(told)
    assert found["identity"] == {"name": "fake", "version": "7"}
    assert found["tools"] == {"lock": "tools.lock.json", "safe": {"look": {"at": "this"}}}
    assert found["auth"] == {"required": True, "good": {"Authorization": "${VERIFY_AUTHORIZATION}"}}
    assert found["doors"] == ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"identiy": {}}, "identiy: unknown key; did you mean identity?"),
        ({"tools": {"safe": {"look": 5}}}, "tools.safe.look: "),
        ({"doors": ["gopher"]}, "doors[0]: "),
        ({"limits": {"create": "200"}}, "limits.create: '200' is not a duration"),
        ({"limits": {"create": "0s"}}, "must be more than zero"),
        ({"health": {"url": "http://elsewhere/"}}, "is not a path of the deployment"),
        (
            {"auth": {"good": {"Authorization": "Bearer s3cr3t-in-a-file"}}},
            "auth.good.Authorization holds a credential",
        ),
        ({"auth": {"good": {"X": "${NOBODY_SET_THIS}"}}}, "NOBODY_SET_THIS is not set"),
        ({"auth": {"required": "yes"}}, "auth.required: "),
        ({"read": {"call": "get"}}, "There is no write"),
        ({"remove": {"call": "drop"}}, "There is no write"),
        ({"write": {"args": {}}}, "write.call: is missing"),
        ({"identity": {"version": 2}}, "identity.version: should be a valid string (got 2)"),
        ([], "is not a mapping"),
        (
            {"database": {"dsn": "postgresql://u:s3cr3t-in-a-file@127.0.0.1/x"}},
            "database.dsn holds an address itself",
        ),
        ({"database": {"dsn": "${PATH}"}}, "is not the URL of a server"),
        ({"database": {"dsn": "${NOBODY_SET_THIS}"}}, "NOBODY_SET_THIS is not set"),
        ({"database": {"tables": {}}}, "database.dsn: is missing"),
        (
            {"database": {"dsn": "${PATH}", "tables": {"a": {"index": []}}}},
            "database.tables.a.index: unknown key; did you mean indexes?",
        ),
        (
            {"database": {"dsn": "${PATH}", "migrate": {"command": "x", "apart": "db"}}},
            "database.migrate.apart: ",
        ),
        ({"queue": {"name": "q"}}, "queue: it does not say where the queue is"),
        (
            {"queue": {"name": "q", "url": "${PATH}", "consumers": "1"}},
            "queue.consumers: should be a valid integer",
        ),
        (
            {"queue": {"name": "q", "management": "http://u:s3cr3t-in-a-file@h"}},
            "queue.management holds an address itself",
        ),
        (
            {"tasks": {"submit": {"call": "a", "post": "/b"}, "poll": {"get": "/c"}}},
            "tasks.submit: a tool is called, or a page is asked",
        ),
        (
            {"tasks": {"submit": {"get": "/a", "args": {"b": 1}}, "poll": {"get": "/c"}}},
            "tasks.submit: args are for a tool",
        ),
        (
            {"tasks": {"submit": {"call": "a"}, "poll": {"get": "/c"}, "pause": "x"}},
            "tasks: pause and resume go together",
        ),
        (
            {"tasks": {"submit": {"call": "a"}, "poll": {"get": "/c"}, "row": {"table": "t"}}},
            "There is no database",
        ),
        ({"deploy": {"command": "a", "systemd": "b"}}, "deploy: it is deployed in one way"),
        ({"process": {}}, "process: it is found in one way"),
        ({"limits": {"leak": "3"}}, "limits.leak: '3' is not a size"),
    ],
)
def test_a_file_that_is_not_right_is_refused_by_the_path_of_the_key(
    data: Any, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, nothing sent, no secret."""
    path = tmp_path / "verify.yaml"
    path.write_text(yaml.safe_dump(data))
    code = main.run(["verify", "--url", "http://127.0.0.1:1/mcp", "--out", str(tmp_path / "out"), str(path)])
    out, err = capsys.readouterr()

    assert code == 2
    assert said in err
    assert "s3cr3t-in-a-file" not in out + err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2", "a: &x [*x]", "\x00"])
def test_what_is_no_yaml_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its place."""
    path = tmp_path / "verify.yaml"
    path.write_text(text)

    assert main.run(["verify", "--url", "http://127.0.0.1:1/mcp", str(path)]) == 2
    assert "is not valid YAML" in capsys.readouterr().err


def test_the_lock_is_of_what_clients_rely_on() -> None:
    """Words may change; an argument that is called `description` may not."""
    was = {
        "name": "a",
        "inputSchema": {
            "type": "object",
            "description": "x",
            "properties": {"description": {}, "n": {"type": "string"}},
        },
    }
    now = {
        "name": "a",
        "description": "y",
        "inputSchema": {"type": "object", "properties": {"n": {"type": "integer"}}},
    }

    assert lock.differences(lock.locked([was]), [was | {"description": "other words"}]) == []
    assert lock.differences(lock.locked([was]), [now]) == [
        "a: inputSchema.properties.description is gone",
        'a: inputSchema.properties.n.type was "string", is "integer"',
    ]
