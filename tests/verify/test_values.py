"""The values of a verification: exit codes, schemas, calls that are safe, waiting, files."""

import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from _pytest.outcomes import Failed

from harness.foundation.clock import FakeClock
from harness.foundation.secrets import hiding
from harness.mcp import outcome
from harness.mcp.messages import Reply
from harness.verify.finding import STOPPED_BY, Outcome, Result, exit_code
from harness.verify.results import files
from harness.verify.results.checklist import Checklist
from harness.verify.results.ctrf import ctrf
from harness.verify.results.junit import junit
from harness.verify.results.markdown import markdown
from harness.verify.results.suite import SuiteResult
from harness.verify.safe_calls import safe_calls, wrong_arguments
from harness.verify.schemas import faults
from harness.verify.spec.learn import literal
from harness.verify.startup import until_up
from harness.verify.suite import misnamed
from harness.verify.variants import Pair, leaves, pairs, telling
from harness.verify.waiting import eventually

HOSTILE = "\x1b[2J | <script>\n::error::x"


def result(outcome: Outcome, priority: int = 1, **more: Any) -> Result:
    return Result("it works", "door", "test_p1_x.py::test_it", priority, "tools", outcome, **more)


@pytest.mark.parametrize(
    ("results", "reached", "code"),
    [
        ([result("passed"), result("skipped")], True, 0),
        ([result("passed"), result("failed")], True, 1),
        ([result("passed"), result("failed", 2)], True, 8),
        ([result("failed"), result("failed", 2), result("unknown")], True, 1),
        ([result("failed", 2), result("unknown")], True, 8),
        ([result("passed"), result("unknown", 2)], True, 3),
        ([result("skipped")], True, 3),
        ([], True, 3),
        ([result("failed")], False, 4),
    ],
)
def test_the_exit_code_says_what_was_found(results: list[Result], reached: bool, code: int) -> None:
    """A suite in which nothing was decided is unknown, never passed."""
    assert exit_code(results, reached=reached) == code


def suite(*results: Result) -> SuiteResult:
    return SuiteResult("http://127.0.0.1:1/mcp", f"name {HOSTILE}", results, 1, 1_700_000_000_000, 1.5)


HEARD = suite(
    result("passed", duration_s=0.0124, tries=2),
    result("failed", why=f"it said {HOSTILE}"),
    result("skipped", why="no such door", how="open it"),
    result("unknown", 2, why="who knows"),
)


def test_json_is_ctrf_and_unknown_is_no_pass() -> None:
    """`other` is its word for it."""
    report = ctrf(HEARD)["results"]
    tests = report["tests"]

    assert report["tool"]["name"] == "mcp-harness verify"
    assert {key: report["summary"][key] for key in ("tests", "passed", "failed", "skipped", "other")} == {
        "tests": 4, "passed": 1, "failed": 1, "skipped": 1, "other": 1,
    }  # fmt: skip
    assert report["summary"]["stop"] - report["summary"]["start"] == 1500
    assert [test["status"] for test in tests] == ["passed", "failed", "skipped", "other"]
    assert tests[0] | {"extra": None} == {
        "name": "it works [door]", "status": "passed", "rawStatus": "passed", "duration": 12, "start": 0,
        "suite": "test_p1_x.py", "tags": ["p1", "tools"], "retries": 1, "extra": None,
    }  # fmt: skip
    assert tests[2]["extra"]["how"] == "open it"


def test_junit_has_a_failure_an_error_and_a_skipped() -> None:
    """And can be parsed, whatever a server said."""
    root = ET.fromstring(junit(HEARD))
    cases = root.findall("./testsuite/testcase")

    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == tuple("4111")
    assert [[child.tag for child in case] for case in cases] == [[], ["failure"], ["skipped"], ["error"]]
    assert cases[2][0].get("message") == "no such door; to run it: open it"


def test_markdown_and_the_terminal_show_no_byte_of_a_server_s_that_does_something() -> None:
    """No escape sequence, no markup, no further column, no command of a CI."""
    said: list[str] = []
    shown = Checklist(said.append, colour=False)
    shown.began(HEARD.target)
    for each in HEARD.results:
        shown.ended(each)
    shown.finished(HEARD, "somewhere")
    table = markdown(HEARD).splitlines()
    rows = [line.replace("\\|", "") for line in table if line.startswith("| ")]

    assert "\x1b" not in "".join(said) + "".join(table)
    assert "<script>" not in "".join(table)
    assert {row.count("|") for row in rows} == {7}
    assert [row.split(" | ")[0].strip("| ") for row in rows[1:]] == ["failed", "unknown", "passed", "skipped"]
    assert not [line for line in said if line.startswith("::")]
    assert "ok  tools       it works [door]" in "\n".join(said)
    assert "(try 2)" in "\n".join(said)
    assert "1 passed, 1 failed, 1 skipped, 1 unknown in 1.5 s" in "\n".join(said)


def test_files_are_their_owner_s_and_hold_no_secret(tmp_path: Any) -> None:
    """`latest` is the newest."""
    hiding.learn("s3cr3t-value-9")
    place = files.create(tmp_path, datetime.fromtimestamp(1_700_000_000, UTC))
    files.write(place, suite(result("failed", why="it said s3cr3t-value-9")))
    newest = place.parent / "latest"

    assert sorted(path.name for path in newest.iterdir()) == [
        "junit.xml",
        "report.html",
        "results.json",
        "summary.md",
    ]
    assert {path.stat().st_mode & 0o777 for path in newest.iterdir()} == {0o600}
    assert not [path for path in newest.iterdir() if "s3cr3t-value-9" in path.read_text()]
    assert json.loads((newest / "results.json").read_text())["reportFormat"] == "CTRF"


def tool(
    name: str = "look", properties: Any = None, *, required: Any = (), reads: bool = True
) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties or {}, "required": list(required)}
    return {"name": name, "inputSchema": schema, "annotations": {"readOnlyHint": reads}}


def test_safe_are_tools_that_only_read_those_first_of_which_everything_is_told() -> None:
    """What had to be guessed is known to be a guess."""
    word, one_of = {"type": "string", "minLength": 3}, {"enum": ["x", "y"]}
    tools = [
        tool("guess", {"a": word, "n": {"type": "integer", "minimum": 7}}, required=["a", "n"]),
        tool("told", {"a": one_of, "b": {"default": 5}}, required=["a", "b"]),
        tool("nothing"),
        tool("writes", reads=False),
    ]
    found = safe_calls(tools, {})

    assert [(call.tool, dict(call.arguments), call.told) for call in found] == [
        ("nothing", {}, True),
        ("told", {"a": "x", "b": 5}, True),
        ("guess", {"a": "maple", "n": 7}, False),
    ]
    assert [call.tool for call in safe_calls(tools, {"writes": {"a": 1}, "gone": {}})] == ["writes"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (tool(properties={"a": {"type": "string"}}, required=["a"]), {"a": {"no": ["such", "type"]}}),
        (tool(properties={"a": {"type": "object"}, "b": {"type": "integer"}}, required=["a", "b"]),
         {"a": {}, "b": {"no": ["such", "type"]}}),
        (tool(properties={"a": {}}, required=["a"]), None),
        (tool(properties={"a": {"type": ["string", "object"]}}, required=["a"]), None),
        (tool(), None),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_one_that_no_reading_of_the_schema_allows(given: Any, expected: Any) -> None:
    """An object, where one plain type is said."""
    assert wrong_arguments(given) == expected


def test_pairs_are_made_of_what_schemas_list_and_told_apart_by_what_stays() -> None:
    """What changes by itself, such as the number of a process, tells nothing; JSON in a text is looked into."""
    choice = {"at": {"type": "string", "enum": ["this", "that", "other"]}}
    free = {"a": {"type": "string"}}
    tools = [
        tool("look", choice),
        tool("guess", choice | free, required=["a"]),
        tool("write", choice, reads=False),
    ]
    results = [
        leaves({"content": [{"text": json.dumps({"at": at, "pid": pid, "n": 1})}], "more": [at, None]})
        for at, pid in (("this", 1), ("this", 2), ("that", 3), ("that", 4))
    ]

    assert pairs(tools) == [Pair("look", "at", {"at": "this"}, {"at": "that"})]
    assert telling(results[:2], results[2:]) == {
        ".content[0].text.at": ("this", "that"),
        ".more[0]": ("this", "that"),
    }


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ([tool(), tool("other", {"a": {"type": ["string", "null"]}, "b": True}, required=["a"])], []),
        ([tool(), tool()], ["look is listed 2 times"]),
        ([{"name": "x"}], ["x: it has no inputSchema"]),
        ([{"name": "x", "inputSchema": []}], ["x: its inputSchema is not an object"]),
        ([{"name": "x", "inputSchema": {}}], ["x: its inputSchema is not of type object"]),
        ([tool(properties={"a": {"type": "text"}})], ["look: its inputSchema: unknown type text"]),
        ([tool(properties={"a": 5})], ["look: its inputSchema: a schema is neither an object nor true or false"]),
        ([tool(properties=["a"])], ["look: its inputSchema: properties is not an object"]),
        ([tool() | {"inputSchema": {"type": "object", "required": "a"}}],
         ["look: its inputSchema: required is not a list of names"]),
        ([tool() | {"outputSchema": {"type": "array", "items": {"type": "date"}}}],
         ["look: its outputSchema is not of type object", "look: its outputSchema: unknown type date"]),
        ([tool("")], ["a tool has an empty name"]),
        ([{"name": f"t{number}"} for number in range(7)],
         [*(f"t{number}: it has no inputSchema" for number in range(5)), "and 2 more"]),
    ],
)  # fmt: skip
def test_what_clients_fall_over_in_a_list_of_tools_is_named(tools: Any, expected: list[str]) -> None:
    """And nothing else."""
    assert faults(tools) == expected


def test_waiting_backs_off_and_says_what_was_awaited_and_seen() -> None:
    """0, 0.5, 1.5, 3.5, 7.5, 12.5, ... seconds after the beginning."""
    clock, looked_s = FakeClock(), []

    def look() -> int:
        looked_s.append(clock.ns / 1e9)
        return 0

    def sleep(seconds: float) -> None:
        clock.ns += int(seconds * 1e9)

    with pytest.raises(Failed) as failed:
        eventually(look, "a row that says done", 20.0, now_ns=clock.now_ns, sleep=sleep)

    assert looked_s == [0, 0.5, 1.5, 3.5, 7.5, 12.5, 17.5, 20]
    assert "waited 20s for this: a row that says done. Seen last: 0" in str(failed.value)
    assert eventually(lambda: "there", "anything", sleep=time.sleep) == "there"


class Comes:
    """A deployment that comes up: what it says, one attempt after the other."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)

    async def attempt(self, _: object) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


REFUSED, BEHIND = Reply(outcome.CONNECT, "refused"), Reply(outcome.HTTP_STATUS, "503", 503)


@pytest.mark.parametrize(
    ("replies", "up", "waited_s"),
    [
        ([Reply(outcome.OK, "", 200)], True, 0),
        ([REFUSED, BEHIND, Reply(outcome.HTTP_STATUS, "401", 401)], True, 0.75),
        ([REFUSED], False, 10),
        ([BEHIND], False, 10),
    ],
)
async def test_a_deployment_that_comes_up_is_waited_for(
    replies: list[Reply], up: bool, waited_s: float
) -> None:
    """A proxy that answers for it is not it; any other answer is for the checks to judge."""
    clock = FakeClock()

    assert await until_up(Comes(*replies), 10.0, clock) is up
    assert clock.ns / 1e9 == waited_s


def test_nothing_that_a_server_said_is_learnt_as_a_variable_of_ours() -> None:
    """Its default of an argument would be filled in from the environment when verify.yaml is read, and sent to it."""
    identity = {"name": "${HOME}", "version": "1.0"}
    safe = {"look": {"at": "this"}, "get": {"a": ["${AWS_SECRET_ACCESS_KEY}"]}, "${PATH}": {}}

    assert literal(identity) == {"version": "1.0"}
    assert literal({"lock": "tools.lock.json", "safe": safe}) == {
        "lock": "tools.lock.json",
        "safe": {"look": {"at": "this"}},
    }


def test_no_line_of_a_result_is_a_command_of_a_ci() -> None:
    """What is kept may be shown in the log of a job."""
    result = Result("x", "", "test_p1_x.py::test_x", 1, "tools", "failed", "##[error]a\n::error::b")
    suite = SuiteResult("http://127.0.0.1/", "##[error]c", (result,), 1, 0, 1.0)

    for text in (junit(suite), markdown(suite)):
        assert not re.search(r"(?m)^\s*::|##\[", text)


def test_checks_that_were_not_run_are_counted_and_what_failed_long_ago_is_said_again() -> None:
    lines: list[str] = []
    shown = Checklist(lines.append, colour=False)
    failed = result("failed", why="it said no\nmore of it")
    left_out = result("skipped", why=f"{STOPPED_BY}: that one")
    results = (failed, *[result("passed")] * 30, left_out, left_out)
    for each in results:
        shown.ended(each)
    shown.finished(SuiteResult("http://127.0.0.1/", "", results, 1, 0, 1.0), "")
    text = "\n".join(lines)

    assert "--  2 more checks were not run; --keep-going runs them, too" in lines
    assert text.count("it said no") == 2
    assert text.count("more of it") == 1
    assert STOPPED_BY not in text


def test_nothing_is_said_again_when_nothing_failed() -> None:
    lines: list[str] = []
    shown = Checklist(lines.append, colour=False)
    results = (result("passed"),) * 30
    for each in results:
        shown.ended(each)
    shown.finished(SuiteResult("http://127.0.0.1/", "", results, 0, 0, 1.0), "")

    assert "What failed" not in "\n".join(lines)


def test_no_line_of_the_checklist_is_a_command_of_a_ci() -> None:
    """A server may be called so, and a tool; their names stand at the beginning of a line."""
    lines: list[str] = []
    shown = Checklist(lines.append, colour=False)
    failed = result("failed", why="::error::x: it has no inputSchema\n##[error]y")
    shown.ended(failed)
    shown.finished(SuiteResult("http://127.0.0.1/", "::error::z", (failed,), 1, 0, 1.0), "")

    assert len(lines) > 4
    assert not re.search(r"(?m)^\s*::|##\[", "\n".join(lines))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a page of another origin is refused", None),
        ("a page of an other origin is refused", "which is no check of this run; did you mean a page of another origin is refused?"),
        ("somebody answers", "which must hold, and cannot be accepted away"),
        ("xyzzy", "which is no check of this run"),
    ],
)  # fmt: skip
def test_a_name_that_is_accepted_and_is_none_of_a_check_of_quality_is_said(
    name: str, said: str | None
) -> None:
    """With the one that was meant; it had no effect, without a word."""
    there = {"a page of another origin is refused": 2, "somebody answers": 1}
    suite = replace(SuiteResult("t", "", (), 0, 0, 0.0), notes=misnamed([name], there))
    lines: list[str] = []
    Checklist(lines.append, colour=False).finished(suite, "")

    assert suite.notes == ((f"verify.yaml accepts {name!r}, {said}",) if said else ())
    assert any(line.strip().startswith("Note: ") for line in lines) is bool(said)
