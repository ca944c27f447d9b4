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
| generator    | worker, cpu, run_delay, lag_ms, read_ms, held_us, added, added_each, added_others_us, files_open, files_max, started, recorded, open_calls, users | twice a second a worker; retries add `retries_refused`, the count so far; sessions over stdio `noise`, lines so far that were no messages; open load adds `arrived`, `overdue` and `not_sent`: [from_ms, count] by tenths of a second |
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
from typing import Any, Final, Self, get_args

from msgspec import NODEFAULT, structs

from harness.foundation.secrets.hiding import hide_in
from harness.run_directory import event_fields
from harness.run_directory.appended_file import AppendedLines
from harness.run_directory.event_kinds import Event
from harness.run_directory.json_lines import read_lines

KINDS: Final[dict[str, type[Event]]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Event)}
_FIELDS: Final = {
    kind: {one.name: one.default for one in structs.fields(kind) if one.name != "at_ns"}
    for kind in KINDS.values()
}


def named(event: Event) -> str:
    """The event's kind, as the file calls it."""
    return str(event.__struct_config__.tag)


def said(event: Event) -> dict[str, object]:
    """The event's fields without time and kind; fields that have their default are left out."""
    values = ((name, getattr(event, name), usual) for name, usual in _FIELDS[type(event)].items())
    return {name: value for name, value, usual in values if value is not usual}


def line(event: Event) -> str:
    """The event as a line of the file."""
    return json.dumps(
        {"at_ns": event.at_ns, "event": named(event), **hide_in(said(event))}, separators=(",", ":")
    )


def made(data: Mapping[str, Any]) -> Event:
    """The event in a line; fields that the line leaves out are None."""
    kind = KINDS[data["event"]]
    values: dict[str, Any] = {
        name: data.get(name) for name, usual in _FIELDS[kind].items() if name in data or usual is NODEFAULT
    }
    return kind(at_ns=data["at_ns"], **values)


class EventLog:
    """A log of events; each is written at once, so a crash loses none that was written.

    To write raises nothing (`AppendedLines`): a fault that is being healed must not trip over a full disk.
    """

    def __init__(self, path: Path) -> None:
        self.lines = AppendedLines(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.lines.close()

    def write(self, event: Event) -> None:
        self.lines.write(line(event))


@dataclass(frozen=True, slots=True)
class Log:
    """The valid events of a file, and what is wrong with the others."""

    events: tuple[Event, ...] = ()
    damage: tuple[str, ...] = ()


def read_log(path: Path) -> Log:
    """Read every valid event; an incomplete last line (a crash during a write) is left out."""
    lines = read_lines(path)
    damage = dict.fromkeys(lines.why())
    events = []
    for data in lines.objects:
        if wrong := event_fields.wrong(data):
            damage[f"{path.name}: {wrong}"] = None
        else:
            events.append(made(data))
    return Log(tuple(events), tuple(damage))


def read_events(path: Path) -> list[Event]:
    """Read the valid events only."""
    return list(read_log(path).events)
