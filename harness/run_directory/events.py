"""events.jsonl: what happened in a run, one line each, appended as it happens.

    {"at_ns": 12000000000, "event": "step_running", "index": 2, "users": 10}

| event        | fields                                                        | meaning |
|--------------|---------------------------------------------------------------|---------|
| run_started  |                                                               | the target is up, load begins |
| step_asked   | index, name, kind, users, rate                                | the level was asked for; open load has a rate and no users |
| step_running | index, users                                                  | all its users run: the hold begins |
| step_done    | index, start_ns, end_ns, reason                               | measured window [start, end) and why it ended |
| step_judged  | index, requests, ok, failed, not_sent, success_rate, broke    | its calls have resolved |
| break        | users, last_good_users, reason, confirmed (rate, last_good_rate) | a breaking point |
| generator    | worker, cpu, run_delay, lag_ms, read_ms, held_us, added, added_each, added_others_us, files_open, files_max, started, recorded, open_calls, users | twice a second a worker; retries add `retries_refused`, the count so far; open load adds `arrived`, `overdue` and `not_sent`: [from_ms, count] by tenths of a second |
| target       | rss_mb                                                        | once a second: the memory of a target that we started; null while it is away |
| worker_lost  | worker, users, why                                            | its load and its last second are gone |
| part_lost    | part, pid, how, last_words, replaced                          | a part that the run had started ended unasked; another one may do its work |
| stranger_refused | attempts, why                                             | somebody tried to join the load without its token; the load is as it was |
| stalled      | for_ms, asleep                                                | the harness did not run for so long, and goes on; asleep: the machine's sleep, which no clock of the run counts |
| rows_unwritten | worker, users, why                                          | its rows could not be written: some calls have none |
| fault_on     | name, kind, link, parameters                                  | applied and read back: the fault window begins |
| fault_verified | name, verified, why, through_ms, beside_ms, expected_ms, added_ms | canaries through and beside the link compared; the last word counts |
| fault_off    | name                                                          | healing begins: the fault window ends |
| fault_healed | name, healed, why                                             | proved by canaries again, or not |
| fault_did    | name, did                                                     | what it did itself, counted: rude clients |
| fault_skipped | name, kind, link, why                                        | it was never applied |
| activity     | name, type, end_ns, succeeded                                 | an experiment did or asked something |
| experiment   | title, status, deviated                                       | a Chaos Toolkit experiment is over |
| abort        | rule, since_s, observed                                       | an abort rule was met: the run ends |
| alert        | objective, broken, observed, text                             | an objective does not hold over the last seconds, or holds again |
| run_ended    | reason, why                                                   | completed, broke, interrupted, aborted, no_room (with why), error |

`start_ns` of a step is `step_running` plus its settling time. A run that was cut off has no `step_done`
for its last step: readers close it at the last sample.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from harness.foundation.secrets.hiding import hide_in
from harness.run_directory import event_fields
from harness.run_directory.appended_file import AppendedLines
from harness.run_directory.json_lines import read_lines

STEP_ASKED = "step_asked"
STEP_RUNNING = "step_running"
STEP_DONE = "step_done"
STEP_JUDGED = "step_judged"
RUN_STARTED = "run_started"
RUN_ENDED = "run_ended"
ABORT = "abort"
ALERT = "alert"
BREAK = "break"
GENERATOR = "generator"
TARGET = "target"
WORKER_LOST = "worker_lost"
PART_LOST = "part_lost"
STRANGER_REFUSED = "stranger_refused"
STALLED = "stalled"
ROWS_UNWRITTEN = "rows_unwritten"
FAULT_ON = "fault_on"
FAULT_VERIFIED = "fault_verified"
FAULT_OFF = "fault_off"
FAULT_HEALED = "fault_healed"
FAULT_DID = "fault_did"
FAULT_SKIPPED = "fault_skipped"
ACTIVITY = "activity"
EXPERIMENT = "experiment"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    at_ns: int
    event: str
    data: dict[str, Any]

    def line(self) -> str:
        return json.dumps(
            {"at_ns": self.at_ns, "event": self.event, **hide_in(self.data)}, separators=(",", ":")
        )


class EventLog:
    """Appends events, each at once: a crash loses none that was written.

    To write raises nothing (`AppendedLines`): a fault that is being healed must not trip over a full disk.
    """

    def __init__(self, path: Path) -> None:
        self.lines = AppendedLines(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.lines.close()

    def write(self, event: Event) -> None:
        self.lines.write(event.line())


@dataclass(frozen=True, slots=True)
class Log:
    """The events that can be read, and what is wrong with the others."""

    events: tuple[Event, ...] = ()
    damage: tuple[str, ...] = ()


def read_log(path: Path) -> Log:
    """Every event that has the fields its kind must have; a torn last line (a crash in mid-write) is left out."""
    lines = read_lines(path)
    damage = dict.fromkeys(lines.why())
    events = []
    for data in lines.objects:
        if wrong := event_fields.wrong(data):
            damage[f"{path.name}: {wrong}"] = None
        else:
            events.append(_event(data))
    return Log(tuple(events), tuple(damage))


def read_events(path: Path) -> list[Event]:
    """Whatever has a time and a kind; `read_log` asks for more."""
    return [_event(data) for data in read_lines(path).objects if {"at_ns", "event"} <= data.keys()]


def _event(data: Mapping[str, Any]) -> Event:
    return Event(
        data["at_ns"], data["event"], {key: data[key] for key in data if key not in {"at_ns", "event"}}
    )
