"""A real run that passed, damaged in every way that somebody could think of: none of them passes.

The run lies in tests/fakes/recorded: two workers, a ramp of two levels, a steady load with a fault in its middle,
entries written and read back. It was made by `harness run` of the scenario.yaml that lies beside it, on a machine that
had other things to do: how long its workers waited for a processor, and their lag, are a fifth of what they said.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from harness.cli.main import run as harness
from harness.foundation import errors
from harness.foundation.errors import HarnessError
from harness.report.reading import read
from harness.run_directory import checksums
from harness.run_directory.samples import SCHEMA, load

RECORDED = Path(__file__).parents[1] / "fakes" / "recorded"
S = 1_000_000_000
MS = 1_000_000

Tamper = Callable[[Path], None]
Events = list[dict[str, Any]]


def rows(change: Callable[[pd.DataFrame], pd.DataFrame | None]) -> Tamper:
    """Samples, changed in place or given back."""

    def tamper(run: Path) -> None:
        path = run / "samples.parquet"
        frame = load(path)
        for name in frame.columns:
            if isinstance(frame[name].dtype, pd.CategoricalDtype):
                frame[name] = frame[name].astype(object)
        changed = change(frame)
        frame = frame if changed is None else changed
        table = pa.Table.from_pandas(frame, schema=SCHEMA, preserve_index=False)
        pq.write_table(table.replace_schema_metadata(pq.read_schema(path).metadata), path)

    return tamper


def cell(name: str, value: Any, where: str = "first") -> Tamper:
    """One column of one call of the load; a function is given what stood there."""

    def change(frame: pd.DataFrame) -> None:
        calls = frame.index[frame["operation"].str.startswith("tools/")]
        at = calls[len(calls) // 2] if where == "first" else calls[-1]
        frame.loc[at, name] = value(frame.loc[at]) if callable(value) else value

    return rows(change)


def events(change: Callable[[Events], Events | None]) -> Tamper:
    """The event log, changed in place or given back."""

    def tamper(run: Path) -> None:
        path = run / "events.jsonl"
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        changed = change(lines)
        lines = lines if changed is None else changed
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    return tamper


def without(kind: str, number: int = 0) -> Tamper:
    """The log without one event of a kind."""

    def change(lines: Events) -> None:
        del lines[[at for at, line in enumerate(lines) if line["event"] == kind][number]]

    return events(change)


def said(kind: str, number: int = 0, /, **fields: Any) -> Tamper:
    """Other fields of one event; a function is given what stood there."""

    def change(lines: Events) -> None:
        line = [line for line in lines if line["event"] == kind][number]
        for name, value in fields.items():
            line[name] = value(line[name]) if callable(value) else value

    return events(change)


def paper(name: str, change: Callable[[Any], Any]) -> Tamper:
    """plan.json or metadata.json."""

    def tamper(run: Path) -> None:
        data = json.loads((run / name).read_text(encoding="utf-8"))
        changed = change(data)
        (run / name).write_text(json.dumps(data if changed is None else changed), encoding="utf-8")

    return tamper


def metadata(**fields: Any) -> Tamper:
    return paper("metadata.json", lambda data: data.update(fields))


def step(number: int, **fields: Any) -> Tamper:
    """A step of the plan."""
    return paper("plan.json", lambda data: data["steps"][number].update(fields))


def scenario(**fields: Any) -> Tamper:
    def tamper(run: Path) -> None:
        path = run / "scenario.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | fields), encoding="utf-8")

    return tamper


def line(number: int, text: bytes, file: str = "events.jsonl") -> Tamper:
    """Another line in the place of one."""

    def tamper(run: Path) -> None:
        lines = (run / file).read_bytes().splitlines(keepends=True)
        lines[number] = text
        (run / file).write_bytes(b"".join(lines))

    return tamper


def removed(name: str) -> Tamper:
    return lambda run: (run / name).unlink()


def cut(name: str, share: float) -> Tamper:
    """Only the first part of a file."""

    def tamper(run: Path) -> None:
        data = (run / name).read_bytes()
        (run / name).write_bytes(data[: int(len(data) * share)])

    return tamper


def flipped(run: Path) -> None:
    """One bit in the middle of the samples' data."""
    data = bytearray((run / "samples.parquet").read_bytes())
    data[len(data) // 3] ^= 0x10
    (run / "samples.parquet").write_bytes(data)


def copied(frame: pd.DataFrame) -> pd.DataFrame:
    """Twenty rows are those of twenty others."""
    return pd.concat([frame[:20], frame[:20], frame[40:]], ignore_index=True)


def copied_with_new_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    return copied(frame).assign(seq=frame["seq"].to_numpy())


def renumbered(frame: pd.DataFrame) -> pd.DataFrame:
    """Every tenth row is gone, and the others are numbered anew."""
    frame = frame[np.arange(len(frame)) % 10 != 5].reset_index(drop=True)
    frame["seq"] = frame.sort_values("seq").groupby("worker").cumcount()
    return frame


def added(frame: pd.DataFrame) -> pd.DataFrame:
    """Twenty good calls that nobody made."""
    more = frame[frame["worker"] == 0].tail(20).copy()
    more["seq"] = frame.loc[frame["worker"] == 0, "seq"].max() + 1 + np.arange(20)
    return pd.concat([frame, more], ignore_index=True)


def done_before_sent(frame: pd.DataFrame) -> None:
    frame.loc[10:30, "done_ns"] = frame.loc[10:30, "sent_ns"] - MS


def swapped_workers(frame: pd.DataFrame) -> None:
    frame["worker"] = 1 - frame["worker"]


def moved_back(frame: pd.DataFrame) -> None:
    """A worker's calls ten seconds later."""
    for name in ("intended_ns", "sent_ns", "first_byte_ns", "done_ns"):
        frame.loc[frame["worker"] == 0, name] += 10 * S


def one_user(frame: pd.DataFrame) -> None:
    frame["user"] = frame["worker"]


def longer(frame: pd.DataFrame) -> None:
    """A call that lasts over the user's next one."""
    user = frame[frame["user"] == frame["user"].iloc[-1]].sort_values("sent_ns")
    frame.loc[user.index[3], "done_ns"] = frame.loc[user.index[5], "sent_ns"]


def silent(from_s: float, to_s: float, worker: int | None = None) -> Tamper:
    """Reports of the generator's health deleted; times count from the beginning of the steady load."""

    def change(lines: Events) -> Events:
        begun = next(one["at_ns"] for one in lines if one["event"] == "step_running" and one["index"] == 2)
        return [
            one
            for one in lines
            if one["event"] != "generator"
            or worker not in {None, one["worker"]}
            or not begun + from_s * S < one["at_ns"] < begun + to_s * S
        ]

    return events(change)


def doubled(kind: str) -> Tamper:
    def change(lines: Events) -> None:
        at = next(at for at, one in enumerate(lines) if one["event"] == kind)
        lines.insert(at, dict(lines[at]))

    return events(change)


def invented_fault(lines: Events) -> None:
    at = next(at for at, one in enumerate(lines) if one["event"] == "fault_on")
    for one in [dict(one, name="other") for one in lines if one["event"].startswith("fault_")]:
        lines.insert(at, one)


def overlapping(lines: Events) -> None:
    """The second level was measured from the middle of the first on."""
    first, second = [one for one in lines if one["event"] == "step_done"][:2]
    second["start_ns"] = (first["start_ns"] + first["end_ns"]) // 2


def swapped_steps(lines: Events) -> None:
    first, second = [one for one in lines if one["event"] == "step_asked"][:2]
    first["users"], second["users"] = second["users"], first["users"]


def no_step(lines: Events) -> Events:
    return [one for one in lines if not (one["event"].startswith("step_") and one["index"] == 1)]


def aliases(run: Path) -> None:
    """A few bytes that stand for endless copies."""
    levels = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 12))
    (run / "scenario.yaml").write_text(f"x0: &x0 [a]\n{levels}", encoding="utf-8")


def column_gone(run: Path) -> None:
    path = run / "samples.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["done_ns"]), path)


def column_of_text(run: Path) -> None:
    path = run / "samples.parquet"
    table = pq.read_table(path)
    at = table.schema.get_field_index("done_ns")
    pq.write_table(table.set_column(at, "done_ns", pa.array(["soon"] * len(table))), path)


def not_a_number(run: Path) -> None:
    path = run / "samples.parquet"
    table = pq.read_table(path)
    at = table.schema.get_field_index("done_ns")
    values = table["done_ns"].to_numpy().astype(float)
    values[3:9] = np.nan
    pq.write_table(table.set_column(at, "done_ns", pa.array(values)), path)


TAMPERINGS: dict[str, Tamper] = {
    # The five that passed.
    "rows replaced by copies of others": rows(copied),
    "done before sent": rows(done_before_sent),
    "an outcome that does not exist": cell("outcome", "fine"),
    "a line of events.jsonl that is no JSON": line(7, b"\x00\x01 damaged\n"),
    "four seconds of health reports deleted": silent(4, 8.2),
    # In samples.parquet, numbers.
    "copies of others under numbers of their own": rows(copied_with_new_numbers),
    "every tenth row gone, the others numbered anew": rows(renumbered),
    "twenty calls that nobody made": rows(added),
    "a number beyond all others": cell("seq", 1_000_000),
    "a negative number": cell("seq", -5),
    "one row gone": rows(lambda frame: frame.drop(index=25)),
    "the last row gone": rows(lambda frame: frame.drop(index=frame["done_ns"].idxmax())),
    "half of the rows gone": rows(lambda frame: frame[: len(frame) // 2]),
    "all rows gone": rows(lambda frame: frame[:0]),
    # In samples.parquet, times.
    "sent before it was intended": cell("intended_ns", lambda row: row["sent_ns"] + 20 * MS),
    "a first byte after the last": cell("first_byte_ns", lambda row: row["done_ns"] + 1),
    "a first byte before anything was sent": cell("first_byte_ns", lambda row: row["sent_ns"] - 1),
    "intended before the run": cell("intended_ns", 1),
    "a negative time": cell("intended_ns", -1),
    "done after the run": cell("done_ns", lambda row: row["done_ns"] + 3_600 * S),
    "done in a thousand years": cell("done_ns", 2**62),
    "a call that outlived its time-out": cell("done_ns", lambda row: row["sent_ns"] + 28 * S),
    "a call that lasts over the next one of its user": rows(longer),
    "a worker's calls ten seconds later": rows(moved_back),
    "a time that is missing": cell("done_ns", None),
    "times that are no number": not_a_number,
    # In samples.parquet, words and what goes with them.
    "ok with status 500": cell("status", 500),
    "a status that does not exist": cell("status", 7),
    "ok with the code of an error": cell("code", -32603),
    "an outcome that is missing": cell("outcome", None),
    "a failure made a success": rows(lambda frame: frame.replace({"outcome": {"ok": "http_status"}})),
    "one success made a failure": cell("outcome", "http_status"),
    "one success made neither": cell("outcome", "cancelled"),
    "ok without a byte received": cell("bytes_in", 0),
    "ok with negative bytes": cell("bytes_in", -1),
    "a worker that the run did not have": cell("worker", 7),
    "workers exchanged": rows(swapped_workers),
    "all calls by one user": rows(one_user),
    "a user of another worker": cell("user", lambda row: row["user"] + 1),
    "a session of another user": cell("session", lambda row: row["session"] + 2),
    # In samples.parquet, the file.
    "cut in the middle": cut("samples.parquet", 0.5),
    "empty": cut("samples.parquet", 0),
    "a column gone": column_gone,
    "a column of text": column_of_text,
    "samples.parquet gone": removed("samples.parquet"),
    # In events.jsonl, steps.
    "a step that was not asked for": without("step_asked"),
    "a step that never ran": without("step_running", 1),
    "a step that was never done": without("step_done", 1),
    "a step that nobody judged": without("step_judged", 2),
    "a whole step gone": events(no_step),
    "steps that overlap": events(overlapping),
    "users of two steps exchanged": events(swapped_steps),
    "a step judged twice": doubled("step_judged"),
    "a failure left out of what was judged": said("step_judged", requests=lambda count: count - 1),
    "a step measured for half of its hold": said("step_done", 2, end_ns=lambda ns: ns - 12 * S),
    "a step measured from later on": said("step_done", 2, start_ns=lambda ns: ns + 2 * S),
    "a step that ends before it begins": said("step_done", end_ns=1),
    "another name of a step": said("step_asked", name="other"),
    "an index out of range": said("step_running", index=17),
    # In events.jsonl, faults.
    "a fault without a plan": events(invented_fault),
    "a fault that was never applied": without("fault_on"),
    "a fault that nobody ended": without("fault_off"),
    "a fault healed before it ended": said("fault_healed", at_ns=lambda ns: ns - 2 * S),
    "a fault of another kind": said("fault_on", kind="noop"),
    "a fault by other parameters": said("fault_on", parameters={"latency": 5.0}),
    # In events.jsonl, health.
    "the reports of one worker gone": silent(-100, 100, worker=1),
    "all reports gone": silent(-100, 100),
    "the first seconds of reports of one worker gone": silent(-0.5, 4.9, worker=0),
    "the last seconds of reports gone": silent(17, 100),
    "started smaller than its rows": said("generator", -1, started=3),
    "counts that go back": said("generator", 20, started=0, recorded=0, open_calls=0),
    "more recorded than have a row": said("generator", 20, started=10_000, recorded=10_000, open_calls=0),
    "a report twice": doubled("generator"),
    "a negative share of a processor": said("generator", cpu=-0.5),
    "a report of a worker without a number": said("generator", worker=None),
    # In events.jsonl, the run.
    "when it began is gone": without("run_started"),
    "when it ended is gone": without("run_ended"),
    "it ended twice": doubled("run_ended"),
    "it ended in its middle": said("run_ended", at_ns=lambda ns: ns - 15 * S),
    "it ended for no known reason": said("run_ended", reason="bored"),
    "an event of no known kind": said("target", event="miracle"),
    "a time that is no number": said("target", at_ns="noon"),
    "infinity": line(3, b'{"at_ns": 1e999, "event": "target", "rss_mb": 1}\n'),
    "not a number": line(3, b'{"at_ns": 17, "event": "target", "rss_mb": NaN}\n'),
    "a line that is a list": line(3, b"[1, 2]\n"),
    "a key twice": line(3, b'{"at_ns": 17, "at_ns": 18, "event": "target"}\n'),
    "brackets without end": line(3, b"[" * 100_000 + b"\n"),
    "the log cut in its middle": cut("events.jsonl", 0.5),
    "events.jsonl gone": removed("events.jsonl"),
    # plan.json, metadata.json, scenario.yaml
    "another run's metadata": metadata(run_id="20200101T000000Z-abcdef"),
    "another beginning": metadata(started_at="2020-01-01T00:00:00+00:00"),
    "another seed": metadata(seed=99),
    "another warm-up": metadata(warmup_s=20.0),
    "an objective left out": metadata(objectives=[]),
    "an easier objective": metadata(objectives=["p50 < 20s", "success_rate >= 90%"]),
    "another time-out": metadata(timeout_s=3_000.0),
    "a time-out that is no number": metadata(timeout_s="long"),
    "workers that were not there": metadata(workers=5),
    "another scenario": metadata(scenario="smoke"),
    "metadata without a run": paper("metadata.json", lambda _: {}),
    "metadata that is a list": paper("metadata.json", lambda _: [1]),
    "metadata.json gone": removed("metadata.json"),
    "metadata.json cut": cut("metadata.json", 0.5),
    "a step renamed in the plan": step(1, phase="other"),
    "more users in the plan": step(2, users=400),
    "another settling time in the plan": step(2, settle_s=9.0),
    "a longer hold in the plan": step(2, hold_s=90.0),
    "a step more in the plan": paper("plan.json", lambda plan: plan["steps"].append(plan["steps"][-1])),
    "no step in the plan": paper("plan.json", lambda plan: plan.update(steps=[])),
    "steps that are none": paper("plan.json", lambda plan: plan.update(steps="two")),
    "no fault in the plan": paper("plan.json", lambda plan: plan.update(faults=[])),
    "plan.json gone": removed("plan.json"),
    "plan.json cut": cut("plan.json", 0.5),
    "another objective in the scenario": scenario(objectives=["p50 < 1ms"]),
    "other faults in the scenario": scenario(faults=[]),
    "scenario.yaml gone": removed("scenario.yaml"),
    "aliases without end": aliases,
    # work.jsonl
    "a line of work.jsonl that is no JSON": line(3, b"damaged\n", "work.jsonl"),
    "an entry without an outcome": line(3, b'{"entry": "a", "done_ns": 1}\n', "work.jsonl"),
    "an entry completed before it was sent": line(
        3, b'{"entry": "a", "sent_ns": 2, "done_ns": 1, "outcome": "ok"}\n', "work.jsonl"
    ),
    "entries found that are no names": line(-1, b'{"finished": [1, 2]}\n', "work.jsonl"),
}


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A copy of the run, under its own name."""
    name = json.loads((RECORDED / "metadata.json").read_text(encoding="utf-8"))["run_id"]
    return Path(shutil.copytree(RECORDED, tmp_path / name))


def test_the_run_as_it_was_recorded_passes(recorded: Path) -> None:
    """Otherwise nothing below means anything."""
    reading = read(recorded)

    assert reading.damage == ()
    assert (reading.summary.verdict, reading.summary.reasons) == ("pass", ())


def judged(run: Path) -> tuple[str, int, list[str]]:
    """The verdict, the exit code and what is said."""
    try:
        summary = read(run).summary
    except HarnessError as error:
        return "unreadable", error.exit_code, str(error).splitlines()
    return summary.verdict, summary.exit_code, summary.reasons


@pytest.mark.thorough
@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_run_that_was_tampered_with_never_passes(name: str, recorded: Path) -> None:
    """Unknown with the reason; or, where there is nothing to read, an error of three lines. Never a traceback."""
    TAMPERINGS[name](recorded)

    outcome, exit_code, said = judged(recorded)

    assert outcome in {"unknown", "unreadable"}
    assert exit_code == errors.UNKNOWN or (outcome, exit_code) == ("unreadable", errors.USAGE)
    assert said if outcome == "unknown" else len(said) == 3


@pytest.mark.thorough
@pytest.mark.parametrize("name", list(TAMPERINGS)[::12])
def test_every_file_of_its_report_is_written_all_the_same(
    name: str, recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can be read is shown, with the verdict and the reasons."""
    TAMPERINGS[name](recorded)

    code = harness(["report", str(recorded), "--json"])

    out, err = capsys.readouterr()
    assert code in {errors.USAGE, errors.UNKNOWN}
    assert "bug" not in err
    assert err or json.loads(out)["verdict"] == "unknown"


CHANGED_AFTERWARDS: dict[str, Tamper] = {
    "every call a fifth shorter": rows(
        lambda frame: frame.assign(done_ns=frame["done_ns"] - (frame["done_ns"] - frame["sent_ns"]) // 5)
    ),
    "other details": rows(lambda frame: frame.assign(detail="")),
    "another operation": rows(lambda frame: frame.assign(operation="tools/call:other")),
    "a processor that was idle": events(lambda lines: [one | {"cpu": 0.0} for one in lines]),
    "another server": paper("metadata.json", lambda data: data["target"].update(url="http://127.0.0.1:1")),
    "the work gone": removed("work.jsonl"),
    "no checksums to be read": lambda run: (run / "checksums.json").write_text("{}") and None,
}


@pytest.mark.parametrize("name", CHANGED_AFTERWARDS)
def test_what_contradicts_nothing_is_seen_by_the_checksums(name: str, recorded: Path) -> None:
    """A first byte may come to lie behind the shorter end of its call; but for that, nothing else tells."""
    checksums.write(recorded)
    assert read(recorded).damage == ()

    CHANGED_AFTERWARDS[name](recorded)

    summary = read(recorded).summary
    assert (summary.verdict, summary.exit_code) == ("unknown", errors.UNKNOWN)


@pytest.mark.parametrize("reason", ["interrupted", None])
def test_a_run_that_was_interrupted_or_killed_is_not_damaged(reason: str | None, recorded: Path) -> None:
    """A second after its fault: the last step is neither done nor judged, and what came later was never written."""

    def cut_off(lines: Events) -> Events:
        over_ns = next(one["at_ns"] for one in lines if one["event"] == "fault_off") + S
        kept = [one for one in lines if one["at_ns"] <= over_ns and one.get("index") != 2]
        kept += [
            one for one in lines if one.get("index") == 2 and one["event"] in {"step_asked", "step_running"}
        ]
        rows(lambda frame: frame[frame["done_ns"] <= over_ns])(recorded)
        return [*kept, {"at_ns": over_ns + S, "event": "run_ended", "reason": reason}] if reason else kept

    events(cut_off)(recorded)

    reading = read(recorded)
    assert reading.damage == ()
    assert reading.summary.verdict == "unknown"


def test_at_least_forty_kinds_are_tried() -> None:
    """As was promised."""
    assert len(TAMPERINGS) >= 40


def folder(name: str) -> Tamper:
    """A directory in the place of a file."""

    def tamper(run: Path) -> None:
        (run / name).unlink()
        (run / name).mkdir()

    return tamper


OF_ANOTHER_SHAPE: dict[str, Tamper] = {
    "retries is a number": paper("plan.json", lambda data: data.update(retries=8)),
    "retries is a list": paper("plan.json", lambda data: data.update(retries=["attempts"])),
    "the steps are a text": paper("plan.json", lambda data: data.update(steps="steady")),
    "a step is a number": paper("plan.json", lambda data: data["steps"].append(5)),
    "an interval of no time": step(2, interval_s=1e-300),
    "a hold without end": step(2, hold_s=1e300),
    "a fault is told lists": paper(
        "plan.json", lambda data: data["faults"][0].update(parameters={"latency": [1]})
    ),
    "the plan is a list": paper("plan.json", lambda data: []),
    "the target is a text": metadata(target="http://127.0.0.1:1"),
    "a server named by a number": metadata(target={"server": 5}),
    "objectives of numbers": metadata(objectives=[5]),
    "a warm-up without end": metadata(warmup_s=1e300),
    "a command line of numbers": metadata(argv=[1, {}]),
    "a million million workers": metadata(workers=10**12),
    "a fault that did lists": said("fault_on", parameters={"latency": [1]}),
    "a directory where the events were": folder("events.jsonl"),
    "a directory where the work was": folder("work.jsonl"),
    "a lag of a lifetime": said("generator", lag_ms=[1e300]),
    "a directory where the report goes": lambda run: (run / "report.html").mkdir(),
    "a file where the charts go": lambda run: (run / "charts").write_text("x") and None,
    "a link to itself": lambda run: (run / "undo.jsonl").symlink_to("undo.jsonl"),
    "a scenario nested without end": lambda run: (run / "scenario.yaml").write_text("[" * 5_000) and None,
    "checksums nested without end": lambda run: (run / "checksums.json").write_text("[" * 100_000) and None,
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", OF_ANOTHER_SHAPE)
def test_a_file_of_another_shape_is_damage_and_no_bug(
    name: str, recorded: Path, few_charts: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can be read is shown, as unknown, with the file and the key; else an error says so."""
    OF_ANOTHER_SHAPE[name](recorded)

    code = harness(["report", str(recorded), "--format", "json"])

    out, err = capsys.readouterr()
    assert code in {errors.USAGE, errors.UNKNOWN}
    assert "bug" not in err
    assert err or json.loads(out)["verdict"] == "unknown"
