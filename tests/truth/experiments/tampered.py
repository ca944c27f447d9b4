"""A run that was damaged and is read again: none passes, each is unknown.

One bench against a server of 5 ms, read as it is (it passes, or the machine made it unknown), and then with one thing
wrong in its files. tests/analysis has many more kinds, on synthetic runs.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.truth.rows import Form, Row, exactly
from tests.truth.runs import harness, load, serving

SOME = 200


def rows(form: Form) -> Iterator[Row]:
    with serving("times", seconds=0.005) as server:
        run = load(form.out, server, "sustain", "--users", "4", "--no-think", "--for", "6s")
    whole = Path(run.summary["run_dir"])
    again = harness(form.out, "report", str(whole), "--json")
    yield exactly("as it is: exit code", run.exit_code, again.exit_code)
    for name, damage in DAMAGES.items():
        place = form.out / "tampered"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(whole, place)
        damage(place)
        read = harness(form.out, "report", str(place), "--json")
        yield exactly(f"{name}: exit code", 3, read.exit_code, read.stderr[-500:])
        if read.reported:
            # A busy machine makes any run unknown: the reason has to be one that the whole run did not have.
            more = set(read.summary["reasons"]) - set(again.summary["reasons"])
            yield exactly(f"{name}: a reason of its own", True, bool(more))


def _column(place: Path, name: str, change: Callable[[list], list]) -> None:
    """samples.parquet with one column that is another."""
    path = place / "samples.parquet"
    table = pq.read_table(path)
    at = table.schema.get_field_index(name)
    field = table.schema.field(name)
    values = pa.array(change(table.column(name).to_pylist()), type=_plain(field.type))
    column = values.dictionary_encode() if pa.types.is_dictionary(field.type) else values
    pq.write_table(table.set_column(at, field, column.cast(field.type)), path)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _copies(place: Path) -> None:
    path = place / "samples.parquet"
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table.slice(0, len(table) - SOME), table.slice(0, SOME)]), path)


def _done_before_sent(place: Path) -> None:
    sent = pq.read_table(place / "samples.parquet").column("sent_ns").to_pylist()
    _column(place, "done_ns", lambda done: [one - 1000 for one in sent[:SOME]] + done[SOME:])


def _unknown_word(place: Path) -> None:
    _column(place, "outcome", lambda words: ["splendid"] * SOME + words[SOME:])


def _unreadable_event(place: Path) -> None:
    with (place / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"event": "step_do\n{"event": "noted"}\n')


def _silent(place: Path) -> None:
    """Four seconds of the worker's reports of itself are gone."""
    path = place / "events.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    told = [at for at, line in enumerate(lines) if json.loads(line)["event"] == "generator"]
    middle = told[len(told) // 4 : len(told) // 4 + 8]
    path.write_text(
        "".join(f"{line}\n" for at, line in enumerate(lines) if at not in middle), encoding="utf-8"
    )


DAMAGES: dict[str, Callable[[Path], None]] = {
    "rows are copies of others": _copies,
    "calls are done before they are sent": _done_before_sent,
    "an outcome that does not exist": _unknown_word,
    "a line of the events cannot be read": _unreadable_event,
    "four seconds without a report": _silent,
}
