"""Reading a run directory: whole, cut off, damaged, large."""

import json
from array import array

import numpy as np
import pytest

from harness.foundation.errors import UsageError
from harness.report.reading import read
from harness.run_directory.schema import NUMBERS, TEXTS
from harness.run_directory.spool import Block, Gauges, write_block
from tests.fakes.results import plain
from tests.fakes.runs import MS, Run, S, ramp


def test_a_run_is_read_whole(tmp_path):
    """Everything that a report shows, and nothing of the samples."""
    reading = read(ramp(objectives=["p95 < 250ms", "max < 1ms"]).write(tmp_path / "run"))

    assert reading.summary.breaking_point.users == 40
    assert [(one.step.name, one.step.users) for one in reading.levels][:2] == [("climb", 5), ("climb", 10)]
    assert [one.seen.objective.text for one in reading.objectives] == ["p95 < 250ms", "max < 1ms"]
    assert len(reading.windows) == 90
    assert reading.metadata["argv"][0] == "harness"
    assert reading.run_dir == tmp_path / "run"


def test_objectives_are_judged_with_their_observed_values(tmp_path):
    """Infinity has no place in JSON: it is null there, and told in the reasons."""
    summary = read(ramp(objectives=["p95 < 250ms", "max < 1s"]).write(tmp_path)).summary

    good, bad = summary.objectives
    assert (good.objective, good.outcome) == ("p95 < 250ms", "pass")
    assert 100 < good.observed < 250
    assert plain(bad) == {"objective": "max < 1s", "observed": None, "outcome": "fail"}
    assert (summary.verdict, summary.exit_code) == ("fail", 1)
    assert "910 of 41,150 calls failed and count as infinitely slow" in summary.reasons[0]


def test_an_objective_that_this_version_cannot_read_is_unknown(tmp_path):
    """Written by a newer version: never a pass, never a crash."""
    summary = read(ramp(objectives=["p95.5 < 250ms"]).write(tmp_path)).summary

    assert (summary.verdict, summary.exit_code) == ("unknown", 3)
    assert summary.objectives[0].outcome == "unknown"


def test_an_objective_that_cannot_be_measured_is_unknown(tmp_path, monkeypatch):
    """Whatever the measurement trips over."""
    monkeypatch.setattr("harness.analysis.objectives.observed.observe", lambda *_: 1 / 0)

    summary = read(ramp(objectives=["p95 < 250ms"]).write(tmp_path)).summary

    assert summary.verdict == "unknown"
    assert "could not be measured: ZeroDivisionError" in summary.reasons[0]


def spool(path, blocks):
    """A worker's spool as a worker writes it: `blocks` blocks of ten calls each, half a second apart."""
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        for number in range(blocks):
            seq = np.arange(10) + 10 * number
            intended = S + seq * S // 20
            known = {"seq": seq, "intended_ns": intended, "sent_ns": intended, "done_ns": intended + 10 * MS}
            columns = {
                name: array(code, known.get(name, np.zeros(10, dtype=np.int64)).tolist()).tobytes()
                for name, code in (NUMBERS | dict.fromkeys(TEXTS, "i")).items()
            }
            texts = {name: ["ok" if name == "outcome" else "x"] if number == 0 else [] for name in TEXTS}
            gauges = Gauges(
                at_ns=0, started=0, recorded=0, open_calls=0, oldest_open_ns=0, users=1, cpu=0, run_delay=0
            )
            write_block(
                file, Block(worker=0, block=number, rows=10, texts=texts, columns=columns, gauges=gauges)
            )


def test_a_run_that_was_cut_off_is_recovered_from_its_spools(tmp_path):
    """Killed in mid-step and in mid-block: what was written counts, and the verdict is unknown."""
    run = Run()
    run.level(5, cut_off=True)
    run.write_words(tmp_path)
    spool(tmp_path / "spool" / "worker-0.spool", 4)
    torn = tmp_path / "spool" / "worker-0.spool"
    torn.write_bytes(torn.read_bytes()[:-5])

    reading = read(tmp_path)

    assert (tmp_path / "samples.parquet").exists()
    assert reading.summary.totals.requests == 30
    assert reading.summary.steps[0].requests == 30
    assert reading.levels[0].step.cut_off
    assert (reading.summary.verdict, reading.summary.exit_code) == ("unknown", 3)
    assert reading.summary.reasons[0] == "the run was cut off: events.jsonl does not say how it ended"


@pytest.mark.parametrize(
    ("undo", "healed", "exit_code"),
    [
        (None, False, 6),
        ('{"id": 1, "what": "toxiproxy"}', False, 6),
        ('{"id": 1, "what": "toxiproxy"}\n{"id": 2, "what": "process"}\n{"done": 1}', True, 3),
    ],
)
def test_a_fault_of_a_run_that_was_killed_is_healed_when_the_janitor_healed_it(
    tmp_path, undo, healed, exit_code
):
    """No event tells; undo.jsonl does, and nobody knows how long recovery took."""
    run = Run()
    run.fault("slow", 5, 5, cut_off=True)
    run.level(5, seconds=8, kind="sustain", cut_off=True)
    run.write(tmp_path)
    if undo is not None:
        (tmp_path / "undo.jsonl").write_text(undo + "\n", encoding="utf-8")

    summary = read(tmp_path).summary
    (fault,) = summary.faults

    assert (fault.healed, fault.end_s, fault.recover_s) == (healed, 9.01, None)
    assert (summary.verdict, summary.exit_code) == ("unknown", exit_code)


def test_a_run_that_never_called_anything_is_unknown(tmp_path):
    """The target did not start, say: there is metadata, and nothing else."""
    (tmp_path / "metadata.json").write_text("{}", encoding="utf-8")

    reading = read(tmp_path)

    assert "no call was made" in reading.summary.reasons
    assert reading.windows.empty


def test_a_directory_without_a_run_is_the_users_error(tmp_path):
    """With what to give instead."""
    with pytest.raises(UsageError, match="is not a run"):
        read(tmp_path)
    with pytest.raises(UsageError, match="is not a run"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["samples.parquet", "metadata.json", "plan.json"])
def test_a_damaged_file_is_named(tmp_path, name):
    """No traceback, and no half-read run."""
    run = ramp().write(tmp_path)
    (run / name).write_bytes(b"\x00 damaged")

    with pytest.raises(UsageError, match=f"{name} cannot be read"):
        read(run)


def test_metadata_that_is_not_an_object_is_as_good_as_none(tmp_path):
    """Nothing in it can be used."""
    run = ramp().write(tmp_path)
    (run / "metadata.json").write_text(json.dumps([1]), encoding="utf-8")

    assert read(run).summary.run_id is None
