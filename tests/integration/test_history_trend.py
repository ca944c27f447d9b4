"""`harness trend` on a real PostgreSQL: what it shows, what it keeps, what stays marked, and what is refused."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest
from msgspec.structs import replace

from harness.cli.main import run
from harness.history import opening, store
from harness.history.comparison.measured import Value
from harness.history.location import place
from harness.history.record import ObjectiveRecord, RunRecord, Series
from tests.history.records import SERIES, record
from tests.integration.histories import database

Said = pytest.CaptureFixture[str]
CHANGED_AT = 20


@pytest.fixture(autouse=True)
def url(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The history of this test alone."""
    monkeypatch.setenv("HARNESS_HISTORY_DIR", str(tmp_path / "history"))
    with database(postgres_url) as url:
        monkeypatch.setenv("HARNESS_HISTORY_URL", url)
        yield url


def night(number: int, *, of: Series = SERIES, slower_from: int = CHANGED_AT) -> list[RunRecord]:
    """Two runs of a night, 10 % slower from one night on; the second of them misses its objective then."""
    random = np.random.default_rng(number)
    started = datetime(2026, 1, 1, 3, tzinfo=UTC) + timedelta(days=number)
    slow = number >= slower_from
    made = []
    for at in range(2):
        p95 = 40.0 * float(np.exp(random.normal(0, 0.005))) * (1.1 if slow else 1.0)
        made.append(
            record(
                f"{started + timedelta(minutes=at):%Y%m%dT%H%M%SZ}-{of.branch}",
                series=of,
                started_at=(started + timedelta(minutes=at)).isoformat(),
                night=f"{of.branch}-{number}",
                commit=f"{number:040x}",
                figures=(Value(of="steady", name="p95", unit="ms", value=p95),),
                objectives=(
                    ObjectiveRecord(
                        objective="p95 < 42ms", observed=p95, outcome="fail" if slow and at else "pass"
                    ),
                ),
            )
        )
    return made


def bring(runs: list[RunRecord]) -> None:
    async def push() -> None:
        async with opening.opened(place()) as connection:
            new, refused = await store.bring(connection, [(one.run_id, one) for one in runs])
            assert (new, refused) == (len(runs), [])

    asyncio.run(push())


def trends(capsys: Said, *flags: str) -> list[dict[str, Any]]:
    """What `harness trend --json` says."""
    capsys.readouterr()
    assert run(["trend", "smoke", "--json", *flags]) == 0
    return list(json.loads(capsys.readouterr().out)["trends"])


def kept(url: str) -> list[tuple[str, str, str, bool, str]]:
    """The change points in the database."""

    async def rows() -> list[Any]:
        connection = await asyncpg.connect(url, server_settings={"search_path": opening.SCHEMA})
        found = await connection.fetch(
            "SELECT run_id, of_part, figure, false_positive, why FROM change_points c JOIN runs r ON r.id = c.run ORDER BY run_id"
        )
        await connection.close()
        return list(found)

    return [tuple(row) for row in asyncio.run(rows())]


def test_a_change_is_found_and_kept_and_stays_marked_as_more_nights_follow(url: str, capsys: Said) -> None:
    """Nobody asks again what somebody has explained; a trend of a history without the change forgets it."""
    nights = [one for number in range(30) for one in night(number)]
    bring(nights)
    first = nights[2 * CHANGED_AT].run_id

    (found,) = trends(capsys)
    (p95,) = found["series"]
    assert (found["runs"], found["nights"]) == (60, 30)
    assert [one["at"] for one in p95["changes"]] == [CHANGED_AT]
    assert kept(url) == [(first, "steady", "p95", False, "")]

    second = nights[2 * CHANGED_AT + 1].run_id  # any run of the night means the night
    (found,) = trends(capsys, "--false-positive", second, "steady: p95", "--why", "a new disk")
    assert found["series"][0]["marked"] == [CHANGED_AT]
    bring([one for number in range(30, 34) for one in night(number)])
    (found,) = trends(capsys)
    assert found["series"][0]["marked"] == [CHANGED_AT]
    assert (second, "steady", "p95", True, "a new disk") in kept(url)

    assert run(["history", "exclude", first, "--why", "x"]) == 0
    (found,) = trends(capsys)  # the night has one run left, and is still the one that was marked
    assert found["series"][0]["marked"] == [CHANGED_AT]


def test_a_change_that_is_found_no_more_is_forgotten(url: str, capsys: Said) -> None:
    """Unless somebody marked it."""
    nights = [one for number in range(30) for one in night(number)]
    bring(nights)
    trends(capsys)
    assert len(kept(url)) == 1
    for one in nights[2 * CHANGED_AT :]:
        assert run(["history", "exclude", one.run_id, "--why", "another disk"]) == 0

    trends(capsys)

    assert kept(url) == []


def test_the_page_has_every_series_with_its_objectives_recoveries_and_commits(
    tmp_path: Path, capsys: Said
) -> None:
    """In the terminal, too; nothing changed in the second one."""
    other = replace(SERIES, branch="release")
    bring([one for number in range(30) for one in night(number)])
    bring([one for number in range(12) for one in night(number, of=other, slower_from=99)])
    page = tmp_path / "trend.html"

    assert run(["trend", "smoke", "--report", str(page)]) == 0
    said = capsys.readouterr().out
    drawn = page.read_text()

    assert "smoke of main: 60 runs, 30 nights" in said
    assert "smoke of release: 24 runs, 12 nights" in said
    assert "held 20, missed 10" in said
    assert "recovered 30" in said
    assert said.count("steady: p95 became worse by") == 1
    assert "2 series" in drawn
    assert drawn.count("smoke of ") == 2
    assert drawn.count("<h2>Objectives and recoveries</h2>") == 2
    assert drawn.count(": missed</title>") == 10
    assert f"{CHANGED_AT:040x}"[:12] in drawn


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["nobody"], "There is no run of nobody in the history that counts"),
        (["smoke", "--false-positive", "20260101T030000Z-main", "p95"], "p95 is no figure of a trend"),
        (["smoke", "--false-positive", "20260101T030000Z-main", "steady: p51"], "It has steady: p95"),
        (["smoke", "--false-positive", "20250101", "steady: p95"], "There is no run '20250101'"),
        (["smoke", "--report", "/dev/null/trend.html"], "Cannot write"),
    ],
)
def test_what_cannot_be_shown_is_said_in_three_lines(flags: list[str], said: str, capsys: Said) -> None:
    """Exit code 2."""
    bring(night(0))

    assert run(["trend", *flags]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert said in "\n".join(told)
    assert len(told) == 3


def test_an_empty_history_has_no_trend(capsys: Said) -> None:
    """Exit code 2, with what brings runs in."""
    assert run(["trend"]) == 2
    assert "harness history import" in capsys.readouterr().err
