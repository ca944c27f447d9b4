"""Verifications in the history: what is kept of them, and that they are no runs of load."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli.main import run
from tests.fakes.deployment import deployed
from tests.integration.histories import database, made

Said = pytest.CaptureFixture[str]
IN_TIME = ["--category", "reach", "--category", "sessions"]


@pytest.fixture(autouse=True)
def history(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The history of this test alone."""
    monkeypatch.setenv("HARNESS_HISTORY_DIR", str(tmp_path / "history"))
    monkeypatch.delenv("HARNESS_HISTORY")
    with database(postgres_url) as url:
        monkeypatch.setenv("HARNESS_HISTORY_URL", url)
        yield


def verified(*asked: tuple[Path, str, list[str]]) -> tuple[str, list[int]]:
    """The address of one deployment, and the exit code of each verification: where results go, what is wrong with it by then, more flags."""

    async def all_of_them() -> tuple[str, list[int]]:
        codes = []
        async with deployed() as (url, fake):
            for out, wrong, flags in asked:
                fake.wrong.add(wrong)
                argv = ["verify", "--url", url, "--out", str(out), *IN_TIME, *flags]
                codes.append(await asyncio.to_thread(run, argv))
        return url, codes

    return asyncio.run(all_of_them())


def test_a_verification_is_in_the_history_and_its_trend_says_what_does_not_hold_any_more(
    tmp_path: Path, capsys: Said
) -> None:
    """By its checks; --no-history leaves one out."""
    wrong = "deleted lives on"
    url, codes = verified(
        (tmp_path / "gone", "", []), (tmp_path / "gone", wrong, []), (tmp_path, wrong, ["--no-history"])
    )
    capsys.readouterr()

    def said(*argv: str) -> str:
        assert run(list(argv)) == 0
        return capsys.readouterr().out

    (newest, oldest) = json.loads(said("history", "list", "--json", "--scenario", "verify"))["runs"]
    shown = json.loads(said("history", "show", newest["run_id"], "--json"))["run"]
    trend = json.loads(said("verify", "--trend", "--json", "--url", url))
    failed = [each["name"] for each in shown["checks"] if each["outcome"] == "failed"]

    assert codes == [0, 8, 8]
    assert [(each["verdict"], each["series"]["target"]) for each in (oldest, newest)] == [
        ("pass", url),
        ("fail", url),
    ]
    assert failed == ["a client can end its session"]
    assert [(each["results"], each["exit_code"], each["wrong"]) for each in trend] == [
        (oldest["run_id"], 0, []),
        (newest["run_id"], 8, failed),
    ]
    assert "newly failing: a client can end its session" in said("verify", "--trend")
    assert "a client can end its session" in said("history", "show", newest["run_id"])
    assert json.loads(said("verify", "--trend", "--json", "--url", "http://127.0.0.1:1/mcp")) == []
    assert len(json.loads(said("verify", "--trend", "--no-history", "--json", "--out", str(tmp_path)))) == 1


def test_a_verification_is_no_run_that_is_compared_or_has_a_trend(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it is the newest of its branch."""
    assert run(["history", "push", str(made(tmp_path, 1, branch="b"))]) == 0
    monkeypatch.setenv("HARNESS_BRANCH", "b")
    assert verified((tmp_path, "", []))[1] == [0]
    capsys.readouterr()

    assert run(["trend", "--json"]) == 0
    assert [each["scenario"] for each in json.loads(capsys.readouterr().out)["trends"]] == ["night"]
    assert run(["baseline", "show"]) == 0
    assert "verify" not in capsys.readouterr().out
    run(["compare", "b", "b", "--json"])
    assert "20260101T030000Z" in capsys.readouterr().out


def test_a_history_that_is_gone_is_a_warning_and_changes_no_verification(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not go in waits in the spool."""
    monkeypatch.setenv("HARNESS_HISTORY_URL", "postgresql://nobody@127.0.0.1:1/history")
    assert verified((tmp_path, "", []))[1] == [0]
    said = capsys.readouterr()

    assert "fit to serve (exit code 0)" in said.out
    assert "Warning: The run is not in the history yet" in said.err
    assert len(list((tmp_path / "history" / "spool").glob("*.run"))) == 1
