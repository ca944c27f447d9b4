"""harness idle, on servers that cut streams after a known time, and what is said of it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.main import cli, run
from harness.conduct.capacity import causes
from harness.conduct.capacity.idle import Held, exit_code
from harness.conduct.capacity.idle_text import sentence
from harness.foundation.errors import FAILED, PASSED, UNKNOWN, USAGE
from tests.fakes.holding_server import holding
from tests.fakes.session_server import session_server

CUT = Held("stream", 125.0, "cut", 60.0, 60.0, "FIN", cause=causes.cause(60.0, causes.STREAMS))


def left_alone(tmp_path: Path, *flags: str) -> tuple[int, dict[str, object]]:
    result = CliRunner().invoke(
        cli, ["idle", "--out", str(tmp_path), "--json", *flags], standalone_mode=False
    )
    if result.exception is not None:
        raise result.exception
    return result.return_value, json.loads(result.stdout)


@pytest.mark.parts
@pytest.mark.parametrize(("options", "how"), [((), "FIN"), (("--reset",), "RST")])
def test_a_stream_that_is_cut_is_timed_and_how_it_was_is_said(
    options: tuple[str, ...], how: str, tmp_path: Path
) -> None:
    with holding("--cut-s", "1.5", *options) as url:
        code, told = left_alone(tmp_path, "--url", url, "--for", "0.5s", "--for", "4s")

    words = {(one["kind"], one["for_s"]): (one["word"], one["how"]) for one in told["held"]}
    cut = [one for one in told["held"] if one["word"] == "cut"]
    assert code == FAILED
    assert words[("stream", 0.5)] == words[("connection", 4.0)] == words[("session", 4.0)] == ("held", "")
    assert [(one["kind"], one["how"]) for one in cut] == [("stream", how), ("stream-pinged", how)]
    assert all(abs(one["lasted_s"] - 1.5) < 1.0 and one["session"] == one["again"] == "" for one in cut)


@pytest.mark.parametrize("refuses", [True, "on the stream"])
def test_a_stream_that_is_refused_inside_200_is_not_taken_for_one(
    refuses: bool | str, tmp_path: Path
) -> None:
    """As JSON or as an event: it neither lasts nor is it cut."""
    with session_server(refuses_streams=refuses) as server:
        flags = ("--protocol", "2026-07-28", "--for", "0.1s", "--kind", "stream")
        code, told = left_alone(tmp_path, "--url", server.url, *flags)

    assert [(one["word"], one["why"]) for one in told["held"]] == [("unknown", "rpc_error: too many streams")]
    assert code == UNKNOWN


@pytest.mark.parts
def test_what_lasts_is_a_pass(tmp_path: Path) -> None:
    with holding() as url:
        code, told = left_alone(tmp_path, "--url", url, "--for", "0.5s")

    assert (code, {one["word"] for one in told["held"]}) == (PASSED, {"held"})


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (Held("connection", 30.0, "held", 30.0, 30.0), "lasted"),
        (Held("stream", 30.0, "held", 30.0, 5.0, server_sent=2), "lasted, the server sent something 2 times"),
        (Held("stream", 30.0, "not_there", why="the server has no such stream (405)"), "the server has no such stream (405)"),
        (Held("session", 30.0, "held", 30.0, 30.0, session="session_lost: 404"), "time over; its session is gone (session_lost: 404)"),
        (
            CUT,
            ("cut after 60.0 s (FIN): the default of nginx (proxy_read_timeout), AWS's application load balancer (idle timeout), "
            "or Kong (read_timeout); it could be opened again; its session still answers"),
        ),
        (
            Held("connection", 30.0, "cut", 9.0, 5.1, "RST", cause=causes.cause(5.1, causes.CONNECTIONS)),
            ("cut after 9.0 s (RST), 5.1 s after the last byte: the default of Node.js (keepAliveTimeout), uvicorn "
            "(timeout_keep_alive) or Apache (KeepAliveTimeout)"),
        ),
    ],
)  # fmt: skip
def test_sentences(held: Held, said: str) -> None:
    assert sentence(held) == said


@pytest.mark.parametrize(
    ("held", "code"),
    [
        ([Held("stream", 1.0, "held")], PASSED),
        ([Held("connection", 1.0, "cut", how="FIN")], PASSED),
        ([CUT], FAILED),
        ([Held("session", 1.0, "held", session="gone")], FAILED),
        ([Held("stream", 1.0, "unknown", why="x")], UNKNOWN),
        ([Held("stream", 1.0, "not_there", why="x")], PASSED),
    ],
)
def test_exit_codes(held: list[Held], code: int) -> None:
    assert exit_code(held) == code


def test_a_time_that_is_nobodys_default_names_nobody() -> None:
    assert causes.cause(77.7, causes.STREAMS) == ""


@pytest.mark.parametrize(
    "flags",
    [
        ["--for", "0s"],
        ["--for", "2d"],
        ["--url", ""],
        ["--url", "http://127.0.0.1:1", "--target-options", "--x"],
    ],
)
def test_wrong_use(flags: list[str], tmp_path: Path) -> None:
    assert run(["idle", "--out", str(tmp_path), *flags]) == USAGE
