"""The fuzzer itself: it sees what must never happen, an input can be made again, and a few of each part find nothing."""

from pathlib import Path

import pytest

from tests.fuzz.__main__ import PARTS, one
from tests.fuzz.grammar import SECRET, VALUES_MOST, Random, mutated, paths, tree, wide
from tests.fuzz.trial import HangError, Outcome, bounded, command, wrong

FINE = Outcome(2, "", "Error: no\n  why\n", 0.1, machine=False)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (FINE, ""),
        (Outcome(70, "", "Error: A bug in the harness", 0.1, machine=False), "ended with 70"),
        (Outcome("hang", "", "", 20.0, machine=False), "ended with hang"),
        (Outcome("KeyError: 'x'", "", "", 0.1, machine=False), "ended with KeyError"),
        (Outcome(2, "", "", 0.1, machine=False), "without an error"),
        (Outcome(0, "Traceback (most recent call last):", "", 0.1, machine=False), "traceback"),
        (Outcome(0, f"x{SECRET}", "", 0.1, machine=True), "the secret"),
        (Outcome(2, "", f"Error: {SECRET[:14]}", 0.1, machine=False), "the secret"),
        (Outcome(0, "a\x1b[2J", "", 0.1, machine=False), "control character"),
        (Outcome(2, "", "Error: a\n  ::error::b", 0.1, machine=False), "obeys"),
        (Outcome(2, "", "Error: " + "a" * 50_000, 0.1, machine=False), "50,007 characters"),
    ],
)
def test_what_must_never_happen_is_seen(outcome: Outcome, words: str) -> None:
    """Each of it by itself."""
    found = " ".join(wrong(outcome))
    assert words in found
    assert bool(found) == bool(words)


def _go_on_for_ever() -> None:
    """In Python's own code: what C does hears of no signal."""
    while True:
        pass


def test_what_takes_too_long_is_ended() -> None:
    """By the processor's time that it used up, wherever it is."""
    with pytest.raises(HangError), bounded(0.05):
        _go_on_for_ever()


def test_a_run_ends_where_it_would_begin() -> None:
    """Every check is passed; nothing is started."""
    outcome = command(["ramp", "--max", "1"])
    assert (outcome.code, "Every check was passed" in outcome.err) == (2, True)


def test_makers_are_bounded() -> None:
    """No maker may take longer than the reader that it is to try."""
    for seed in range(50):
        assert len(paths(tree(Random(seed), 10**9), 10**6)) <= VALUES_MOST
        assert len(wide(Random(seed))) <= VALUES_MOST


def test_a_mutation_changes_a_copy() -> None:
    """What was good stays good for the next input."""
    good = {"a": [1, {"b": 2}]}
    assert any(mutated(Random(seed), good) != good for seed in range(20))
    assert good == {"a": [1, {"b": 2}]}


@pytest.mark.parametrize(
    "part", [pytest.param(part, marks=pytest.mark.parts if part == "history" else ()) for part in PARTS]
)
def test_a_few_inputs_of_each_part_find_nothing(part: str, tmp_path: Path) -> None:
    """`make fuzz` goes on from here; what it finds is written down with the line that makes it again."""
    count = {"runs": 2, "comparisons": 4, "history": 4, "wire": 150}.get(part, 12)
    assert [number for number in range(count) if one(part, 0, number, tmp_path)] == []


@pytest.mark.parametrize("part", sorted({*PARTS} - {"runs", "comparisons", "history"}))
def test_an_input_can_be_made_again(part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the part, the seed and the number alone, and nothing else."""
    typed = []
    for place in (tmp_path / "a", tmp_path / "b"):
        place.mkdir()
        monkeypatch.chdir(place)
        said, _ = PARTS[part](Random(f"{part}/3/5"), place)
        typed.append(
            (said, [(path.name, path.read_bytes()) for path in sorted(place.iterdir()) if path.is_file()])
        )
    assert typed[0] == typed[1]


def test_what_is_found_is_written_down_with_the_line_that_makes_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the files of the input."""
    monkeypatch.setitem(
        PARTS, "flags", lambda random, place: (["plan"], [str((place / "s.yaml").write_text("x"))])
    )
    assert one("flags", 9, 4, tmp_path)
    kept = tmp_path / "flags-9-4"
    assert "-m tests.fuzz --part flags --seed 9 --only 4" in (kept / "found.txt").read_text()
    assert (kept / "files" / "s.yaml").read_text() == "x"
