"""summary.json: read and written again it is the same, byte for byte; what is no summary is refused, and never more than that."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from harness.report.json import summary_json
from harness.report.reading import read
from harness.run_directory.results import Summary, codec, glance
from tests.fakes.results import filled, plain
from tests.fakes.runs import Run, faults, matrix, ramp

RECORDED = Path(__file__).parents[2] / "fakes" / "recorded"


def broken_at_a_rate() -> Run:
    """Only the conductor saw it."""
    run = Run()
    run.level(5)
    told = {"users": None, "last_good_users": None, "reason": "p95 gave way", "confirmed": True}
    run.event(run.at_s, "break", **told, rate=90, last_good_rate=80.5)
    run.end()
    return run


def nothing() -> Run:
    run = Run()
    run.end()
    return run


RUNS: dict[str, Callable[[], Run]] = {
    "a ramp": lambda: ramp(objectives=["p95 < 250ms", "max < 1s", "missing == 0"]),
    "faults": lambda: faults(objectives=["success_rate >= 99%", "p99 < 1s during slow-link"]),
    "a matrix": matrix,
    "a break at a rate": broken_at_a_rate,
    "nothing at all": nothing,
}


def written(make: Callable[[], Run], place: Path) -> str:
    return summary_json(read(make().write(place)))


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_a_summary_that_is_read_and_written_again_is_the_same(
    make: Callable[[], Run], tmp_path: Path
) -> None:
    """Every key in its place, every number in its form."""
    text = written(make, tmp_path)

    assert codec.document(codec.decode(text)) == text
    names = [field.name for field in msgspec.structs.fields(Summary)]
    names.remove("processes")  # only of a run over stdio
    names.remove("relayed")  # only where the target runs as several processes
    names.remove("coverage")  # only where everything is called
    names.remove("authorization")  # only where clients are asked who they are
    names.remove("found_capacity")  # only where it was searched for
    assert list(json.loads(text)) == names


def test_a_recorded_run_is_the_same_too(tmp_path: Path) -> None:
    """One of real parts, with retries, work and faults."""
    run = shutil.copytree(RECORDED, tmp_path / "20261128T224343Z-f12bc8")
    text = summary_json(read(run))

    assert codec.document(codec.decode(text)) == text
    assert codec.one_line(codec.decode(text)) == json.dumps(json.loads(text))


def test_a_break_of_users_has_no_rate_and_one_at_a_rate_keeps_its_form() -> None:
    """What is not applicable is absent; 90 stays 90."""
    users = {"users": 5, "last_good_users": None, "reason": "", "confirmed": True}
    at_rate = users | {"users": None, "rate": 90, "last_good_rate": None}

    for found in (users, at_rate):
        text = codec.document(filled(Summary, breaking_point=found))
        assert json.loads(text)["breaking_point"] == found
        assert codec.document(codec.decode(text)) == text


def spoilt(**changes: object) -> str:
    return json.dumps(plain(filled(Summary)) | changes)


DAMAGED = {
    "nothing": "",
    "no JSON": "{",
    "a list": "[]",
    "no key": "{}",
    "another key": spoilt(more=1),
    "another schema": spoilt(schema=2),
    "a verdict that is no word": spoilt(verdict="maybe"),
    "a verdict that is a number": spoilt(verdict=1),
    "totals of another kind": spoilt(totals=[]),
    "not a number": spoilt(duration_s=float("nan")),
    "infinity": spoilt(duration_s=float("inf")),
    "a time below zero": spoilt(duration_s=-1),
    "a number without end": spoilt().replace('"seed": null', f'"seed": {"9" * 5000}'),
    "brackets without end": '{"steps": ' + "[" * 100_000,
    "no text": b"\xff\xfe\x00",
    "half a character": '{"run_id": "\\ud800"}',
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_what_is_no_summary_is_refused(text: str | bytes) -> None:
    """With a sentence, and by one kind of error."""
    with pytest.raises(codec.DamagedError, match=r"\w"):
        codec.decode(text)


SEEN = {"verdict": "pass", "totals": {}, "latency_ms": {"response": {}}}
UNUSABLE = {
    "nothing": b"",
    "bytes": b"\xff",
    "no totals": json.dumps({"verdict": "pass"}),
    "a verdict that is no text": json.dumps(SEEN | {"verdict": None}),
    "users below zero": json.dumps(SEEN | {"steps": [{"users": -1}]}),
    "users without end": json.dumps(SEEN | {"steps": [{"users": 2**64}]}),
    "a p95 that is no number": json.dumps(SEEN | {"latency_ms": {"response": {"p95": "x"}}}),
    "objectives of another kind": json.dumps(SEEN | {"objectives": [1]}),
    "brackets without end": '{"matrix": ' + "[" * 100_000,
    "not a number": json.dumps(SEEN | {"totals": {"throughput_rps": float("nan")}}),
}


@pytest.mark.parametrize("text", UNUSABLE.values(), ids=UNUSABLE)
def test_what_nobody_could_list_is_refused_at_a_glance(text: str | bytes) -> None:
    """By the same error."""
    with pytest.raises(codec.DamagedError):
        glance.read(text)


def test_of_a_file_that_is_no_summary_by_its_size_no_more_is_read(tmp_path: Path) -> None:
    """It takes no room, and says how large it is."""
    path = tmp_path / "summary.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(codec.DamagedError, match="larger than"):
        glance.of_file(path)


def test_a_glance_reads_files_of_other_versions() -> None:
    """Keys that are missing are not known; keys that nobody knows are nobody's business."""
    older = glance.read(json.dumps(SEEN | {"matrix": {"rows": []}, "later": [1]}))

    assert (older.verdict, older.steps, older.totals.throughput_rps) == ("pass", None, None)
    assert older.matrix == {"rows": []}


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_a_glance_at_a_result_is_that_at_its_file(make: Callable[[], Run], tmp_path: Path) -> None:
    """So a pair of runs compares like with like."""
    reading = read(make().write(tmp_path))

    assert glance.of(reading.summary) == glance.read(summary_json(reading))
