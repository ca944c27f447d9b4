"""What a damaged run says, and that a check which trips has found something."""

from dataclasses import replace

import pandas as pd
import pytest

from harness.analysis.health import integrity
from harness.analysis.health.integrity import rows
from harness.analysis.health.integrity.files import Record
from harness.run_directory.schema import NULLABLE
from tests.fakes.events import event as happened
from tests.fakes.runs import MS, S
from tests.fakes.runs import rows as calls


def record(frame: pd.DataFrame | None = None, *, real: bool = True, workers: int = 2) -> Record:
    """A run of half a minute, whose workers are processes or were made up."""
    frame = calls(0) if frame is None else frame
    frame = frame.astype(dict.fromkeys(NULLABLE, float))
    report = {"worker": 0, "files_max": 20_000 if real else 0}
    events = [
        happened(0, "run_started", {}),
        happened(S, "generator", report),
        happened(30 * S, "run_ended", {"reason": "completed"}),
    ]
    return Record(
        rows=frame, events=events, metadata={"timeout_s": 5.0, "workers": workers}, plan={"steps": []}
    )


def test_the_first_few_are_reasons_and_the_others_are_counted():
    """Nobody reads fifty sentences."""
    found = integrity.findings([f"way {number}" for number in range(8)])

    assert [one.reason for one in found][:2] == ["the run is damaged: way 0", "the run is damaged: way 1"]
    assert found[-1].reason == "the run is damaged in 3 more ways"
    assert {one.outcome for one in found} == {"unknown"}
    assert integrity.findings([]) == []


def test_a_check_that_trips_over_what_it_reads_has_found_damage(monkeypatch):
    """A crash is no pass."""
    monkeypatch.setattr(integrity, "CHECKS", (rows.find,))

    (found,) = integrity.find(replace(record(), rows=calls(3).drop(columns="seq")))

    assert found == "rows cannot be checked: KeyError('seq')"


LEGIT = [
    {},
    {"status": None, "outcome": "connect", "detail": "refused", "bytes_in": 0},
    {"status": 429, "outcome": "rate_limited"},
    {"status": 404, "outcome": "ok", "operation": "session/delete"},
    {"status": 405, "outcome": "ok", "operation": "session/listen", "first_byte_ns": None},
    {"status": 202, "outcome": "ok", "operation": "notifications/initialized", "bytes_in": 0},
    {"status": 101, "outcome": "ok", "transport": "websocket"},
    {"status": 400, "outcome": "session_lost"},
    {"status": None, "outcome": "session_lost", "transport": "websocket"},
    {"status": 503, "outcome": "http_status", "code": -32000},
    {"status": None, "outcome": "timeout", "first_byte_ns": None},
    {"status": 200, "outcome": "timeout"},
    {"status": None, "outcome": "cancelled", "bytes_in": 0},
]
WRONG = [
    ({"status": 302, "outcome": "ok"}, "that ended as ok with a status that is none of that"),
    ({"status": 404, "outcome": "ok"}, "that ended as ok with a status that is none of that"),
    ({"status": 200, "outcome": "rate_limited"}, "that ended as rate_limited with a status"),
    ({"status": None, "outcome": "rate_limited"}, "that ended as rate_limited with a status"),
    ({"status": 500, "outcome": "tool_error"}, "that ended as tool_error with a status"),
    ({"status": 200, "outcome": "http_status"}, "that ended as http_status with status 200"),
    ({"status": 503, "outcome": "connect"}, "without a connection, and with a status"),
    ({"outcome": "unfinished", "first_byte_ns": 3 * S}, "cut off before an answer, and with a first byte"),
    ({"outcome": "ok", "code": -32603}, "ok, and with the code of an error"),
    ({"bytes_out": 0}, "ok without a byte sent"),
    ({"sent_ns": 3 * S - 2 * MS - 1}, "sent before its intended start"),
    ({"done_ns": 3 * S - 1}, "completed before it was sent"),
    ({"done_ns": 24 * S}, "longer than the time-out of 5 s"),
    ({"intended_ns": [28 * S], "done_ns": 32 * S}, "completed after the run had ended"),
    ({"outcome": "perfect"}, "with an outcome that does not exist: perfect"),
]


def one_call(**columns: object) -> pd.DataFrame:
    return calls(1, **({"intended_ns": [3 * S], "done_ns": 3 * S + 10 * MS} | columns))


@pytest.mark.parametrize("columns", LEGIT)
def test_what_a_server_can_answer_is_no_damage(columns):
    """However bad it is."""
    assert list(rows.find(record(one_call(**columns)))) == []


@pytest.mark.parametrize(("columns", "why"), WRONG)
def test_what_no_call_can_have_been_is_told(columns, why):
    """With how many calls there are of the kind."""
    (found,) = rows.find(record(one_call(**columns)))

    assert found.startswith("1 call ")
    assert why in found


def test_calls_that_were_made_up_are_not_held_to_what_wires_do():
    """The simulated engine draws calls that end after the run."""
    assert list(rows.find(record(one_call(done_ns=40 * S, bytes_in=0), real=False))) == []
