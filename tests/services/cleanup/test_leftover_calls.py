"""What was written to somebody's server is removed by calls that were prepared before: by each era, with credentials, and no more than that."""

import asyncio
import json
from pathlib import Path

import pytest

from harness.doctor import leftovers as doctor
from harness.foundation.secrets import sources
from harness.mcp.dialects.modern import MODERN_VERSION
from harness.run_directory.undo import UndoJournal, read_open
from harness.services.cleanup.leftover_calls import CALLS, undo_calls
from harness.services.cleanup.leftovers import undo_all
from harness.verify.removing import SEALED, entry, sealed, texts
from tests.fakes.deployment import TOKEN, deployed

OURS = "verify-entry-of-this-run"


def written_down(url: str, door: str | None, headers: dict[str, str], name: str = OURS) -> dict[str, object]:
    """As it stands in undo.jsonl; what is sealed is in the environment only inside of the block of whoever asks."""
    with sealed(texts(url, headers)) as shown:
        return json.loads(json.dumps(entry(url, {}, shown, door, "drop", {"id": name})))


@pytest.mark.parametrize("door", [MODERN_VERSION, "2025-11-25", "2024-11-05"])
async def test_an_entry_is_removed_and_nobody_else_s(door: str) -> None:
    """By one call, or by a session of its own, which is ended."""
    async with deployed() as (url, fake):
        fake.kept = {OURS: "a session", "somebody else's": "another"}
        problem = await asyncio.to_thread(undo_calls, written_down(url, door, {}))

    assert problem is None
    assert fake.kept == {"somebody else's": "another"}
    assert not fake.sessions


async def test_a_write_that_was_on_its_way_is_removed_when_it_has_arrived() -> None:
    """Nothing there is asked again."""
    async with deployed() as (url, fake):
        undoing = asyncio.create_task(asyncio.to_thread(undo_calls, written_down(url, MODERN_VERSION, {})))
        while "drop" not in fake.calls:
            await asyncio.sleep(0.01)
        fake.kept[OURS] = "late"

        assert await undoing is None
    assert fake.kept == {}


async def test_what_was_never_written_is_no_problem() -> None:
    """After a few looks."""
    async with deployed() as (url, fake):
        assert await asyncio.to_thread(undo_calls, written_down(url, "2025-11-25", {})) is None
    assert fake.calls == ["drop"] * 3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("nothing is removed", "without an answer"),
        ("calls are errors of their own", "without an answer"),
        ("auth", "without an answer"),
        ("no handshake", "HTTP 503"),
    ],
)
async def test_what_cannot_be_removed_says_why_and_how_to_do_it_by_hand(wrong: str, said: str) -> None:
    """It stays listed."""
    door = "2025-11-25" if wrong == "no handshake" else MODERN_VERSION
    async with deployed(wrong) as (url, fake):
        fake.kept = {OURS: "a session"}
        problem = await asyncio.to_thread(undo_calls, written_down(url, door, {}))

    assert said in str(problem)
    assert f'call drop with {{"id": "{OURS}"}}' in str(problem)


def test_a_server_that_is_gone_or_takes_no_posts_is_left_with_the_reason() -> None:
    """Nobody can do better from here."""
    gone = undo_calls(written_down("http://127.0.0.1:1/mcp", MODERN_VERSION, {}))
    by_hand = undo_calls(written_down("http://127.0.0.1:1/mcp", None, {}))

    assert "refused" in str(gone).lower()
    assert str(by_hand).startswith("it can only be removed by hand: call drop")


async def test_credentials_are_not_written_down_and_work_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of a variable are that variable; those of the command line are sealed, and gone with the verification."""
    sources.headers({"Authorization": f"Bearer {TOKEN}"})
    async with deployed("auth") as (url, fake):
        fake.kept = {OURS: "a session"}
        given = {"Authorization": f"Bearer {TOKEN}"}
        with sealed(texts(f"{url}?token=s3cr3t-value-31", given)) as shown:
            data = entry(url, {}, shown, MODERN_VERSION, "drop", {"id": OURS})
            assert TOKEN not in json.dumps(data)
            assert await asyncio.to_thread(undo_calls, data) is None
        later = await asyncio.to_thread(undo_calls, data)

    assert fake.kept == {}
    assert f"{SEALED}0 is not set" in str(later)


async def test_the_journal_is_worked_off_and_the_doctor_goes_only_where_a_run_may(tmp_path: Path) -> None:
    """A forged entry sends nothing anywhere else."""
    place = tmp_path / "verify" / "1"
    place.mkdir(parents=True)
    async with deployed() as (url, fake):
        fake.kept = {OURS: "a session", "other": "another"}
        with UndoJournal(place / "undo.jsonl") as undo:
            undo.add(CALLS, **written_down(url, MODERN_VERSION, {}))
        said = await asyncio.to_thread(undo_all, place / "undo.jsonl")
        with UndoJournal(place / "undo.jsonl") as undo:
            undo.add(CALLS, **{**written_down(url, MODERN_VERSION, {}, "other"), "connect": "192.0.2.1"})
    (leftover,) = [each for each in read_open(place / "undo.jsonl") if each.what == CALLS]

    assert [line for line in said if "what was written to" in line]
    assert fake.kept == {"other": "another"}
    assert "192.0.2.1" in doctor._elsewhere(leftover, ())
    assert doctor._elsewhere(leftover, ("192.0.2.1",)) == ""
