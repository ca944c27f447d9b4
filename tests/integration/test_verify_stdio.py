"""`harness verify --command`: a server over stdio, by the checks that are not about HTTP."""

import sys
from pathlib import Path

import pytest

from harness.cli.main import run
from harness.mcp.stdio_address import address
from harness.verify.results.suite import SuiteResult
from harness.verify.settings import Settings
from harness.verify.suite import verify
from tests import getting, npm
from tests.fakes import stdio_server

STDIO = "over stdio each client starts a process of its own"


def verified(command: list[str], place: Path) -> SuiteResult:
    settings = Settings(address(command), keep_going=True, timeout_s=90.0)
    return verify(settings, [], lambda _: None, place=lambda: place)


def of(suite: SuiteResult, *outcomes: str) -> set[str]:
    return {each.name for each in suite.results if each.outcome in outcomes}


def test_a_server_over_stdio_is_verified_by_what_is_not_about_http(tmp_path: Path) -> None:
    """This one takes any tool and any argument; what needs HTTP is skipped, and says so."""
    suite = verified(stdio_server.command(), tmp_path)

    assert of(suite, "failed", "unknown") == {
        "an unknown tool is an error",
        "an argument of the wrong type is an error",
    }
    assert suite.exit_code == 8
    assert suite.server == "small 1"
    assert {"somebody answers", "it speaks mcp", "a tool that only reads answers"} <= of(suite, "passed")
    assert {each.name for each in suite.results if STDIO in each.why} >= {
        "health is good",
        "a client can end its session",
        "a page of another origin is refused",
        "many clients at once are all answered",
    }


def test_a_server_of_the_typescript_sdk_over_stdio_has_no_false_failure(tmp_path: Path) -> None:
    """npm's reference server."""
    script = npm.installed(npm.EVERYTHING) / "dist" / "index.js"
    suite = verified([getting.node_program("node"), str(script), "stdio"], tmp_path)

    assert [(each.title, each.why) for each in suite.results if each.outcome in {"failed", "unknown"}] == []
    assert suite.exit_code == 0


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["--command", f"{sys.executable} -c 'raise SystemExit(7)'"], 4, "exit code 7"),
        (["--command", "x", "--url", "http://127.0.0.1:1/mcp"], 2, "--command starts the server"),
        (["--command", "x", "-H", "A: b"], 2, "--command starts the server"),
        (["--command", "'"], 2, "--command cannot be read"),
    ],
)
def test_what_does_not_speak_over_stdio_is_not_there(
    argv: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And has no address and no headers."""
    assert run(["verify", *argv, "--out", str(tmp_path)]) == code
    told = capsys.readouterr()
    assert said in told.out + told.err
