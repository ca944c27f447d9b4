"""Read the files of a run once: their content, the usable part of it, and what is wrong with them.

A file that cannot be read at all is an error of the user, and names the file. If a file can be read in part,
`damage` tells what is missing, and the verdict is unknown. A run that was cut off still has its spools: they
are sealed here.

Rows and events with impossible times (negative, done before sent, long after the end) are reported and left
out, because the analysis goes through every second and would not end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import yaml

from harness.analysis.calls import calls as columns
from harness.analysis.health import integrity
from harness.analysis.health.integrity import work_entries
from harness.analysis.health.integrity.files import Record
from harness.foundation.errors import UsageError
from harness.foundation.units import NS_PER_S
from harness.foundation.untrusted import nesting
from harness.run_directory import checksums, document_fields
from harness.run_directory.event_fields import Check
from harness.run_directory.event_kinds import Activity, Event, RunEnded, StepDone, StepJudged, WorkerReport
from harness.run_directory.events import read_log
from harness.run_directory.json_lines import read_lines
from harness.run_directory.samples import SCHEMA, frame, load_whole, seal, sealed_counts, unsealed
from harness.run_directory.undo import NO_FAULTS, read_open

METADATA: Final = "metadata.json"
PLAN: Final = "plan.json"
SCENARIO: Final = "scenario.yaml"
EVENTS: Final = "events.jsonl"
SAMPLES: Final = "samples.parquet"
WORK: Final = "work.jsonl"
SPOOL: Final = "spool"
UNDO: Final = "undo.jsonl"
ANY: Final = (METADATA, EVENTS, SAMPLES, SPOOL)

LATER_NS: Final = 3600 * NS_PER_S  # no row or event can be later than this after the last event
NOT_ANALYSED: Final = [name for name in SCHEMA.names if name not in {"seq", *columns.COLUMNS}]


@dataclass(frozen=True, slots=True)
class Files:
    """The content of the run's files, as analysis needs it."""

    metadata: Mapping[str, Any]
    plan: Mapping[str, Any]
    events: tuple[Event, ...]
    samples: pd.DataFrame  # the columns of `Calls`, and `seq`
    started: dict[int, int] | None  # calls started, by worker; None: they were not counted
    work: tuple[Mapping[str, Any], ...]
    undone: bool  # every change that a fault made was undone
    damage: tuple[str, ...]


def read_files(run_dir: Path, *, touch: bool = True) -> Files:
    """Read every file of a run; with `touch=False`, nothing is sealed."""
    if not any((run_dir / name).exists() for name in ANY):
        raise UsageError(
            f"{run_dir} is not a run",
            "There is neither metadata.json nor events.jsonl in it",
            "Give the directory of a run, for example reports/ramp/latest",
        )
    metadata, odd = _json(run_dir / METADATA, document_fields.METADATA)
    plan, unsound = _json(run_dir / PLAN, document_fields.PLAN)
    log, work, undo = read_log(run_dir / EVENTS), read_lines(run_dir / WORK), read_lines(run_dir / UNDO)
    ended = any(isinstance(event, RunEnded) for event in log.events)
    rows, lacking, counts = _samples(run_dir, touch=touch)
    scenario, unread = _yaml(run_dir / SCENARIO)
    record = Record(
        rows=rows,
        events=log.events,
        metadata=metadata,
        plan=plan,
        scenario=scenario,
        work=work.objects,
        run_name=run_dir.resolve().name,
        # If the harness was killed, the janitor continues the file after an incomplete line.
        unread=(
            *odd,
            *unsound,
            *log.damage,
            *lacking,
            *work.why(),
            *unread,
            *(undo.why() if ended else ()),
            *checksums.differing(run_dir),
        ),
    )
    damage = integrity.find(record)
    if damage:
        record = _usable(record)
    return Files(
        metadata or {},
        plan or {},
        tuple(record.events),
        record.rows.drop(columns=NOT_ANALYSED),
        counts,
        work_entries.those(work.objects) if damage else work.objects,
        _undone(run_dir / UNDO),
        damage,
    )


def _usable(record: Record) -> Record:
    """Leave out rows and events with times that no run can have."""
    last_ns = max(
        (event.at_ns for event in record.events if isinstance(event, WorkerReport | StepJudged)), default=0
    )
    ended_ns = record.ended.at_ns if record.ended is not None else 0
    limit_ns = (last_ns or ended_ns) + LATER_NS
    intended, sent, done = (record.rows[name].to_numpy() for name in ("intended_ns", "sent_ns", "done_ns"))
    possible = (intended >= 0) & (sent >= 0) & (done >= np.maximum(sent, intended)) & (done < limit_ns)
    return replace(
        record,
        rows=record.rows[possible].reset_index(drop=True),
        events=[event for event in record.events if _latest_ns(event) < limit_ns],
    )


def _latest_ns(event: Event) -> int:
    match event:
        case StepDone():
            return max(event.at_ns, event.start_ns, event.end_ns)
        case Activity():
            return max(event.at_ns, event.end_ns or 0)
    return event.at_ns


def _json(path: Path, fields: Mapping[str, Check]) -> tuple[Mapping[str, Any] | None, Sequence[str]]:
    """The usable part of a JSON file, and what is wrong with the rest; None: no file, or no object in it."""
    if not path.exists():
        return None, ()
    try:
        data = nesting.of_file(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read", str(error), "Is it the directory of a run?") from error
    return document_fields.sound(path.name, data, fields) if isinstance(data, dict) else (None, ())


def _yaml(path: Path) -> tuple[Mapping[str, Any] | None, Sequence[str]]:
    """The stored scenario. The harness writes no aliases and no deep nesting, so both are refused."""
    if not path.exists():
        return None, ()
    unread = (f"{path.name} cannot be read",)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        text = path.read_text(encoding="utf-8")
        level = 0
        for event in yaml.parse(text, Loader=loader):
            level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or level > nesting.LEVELS_MOST:
                return None, unread
        data = yaml.load(text, Loader=loader)  # noqa: S506 - it is a safe one
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None, unread
    return (data, ()) if isinstance(data, dict) else (None, unread)


def _samples(run_dir: Path, *, touch: bool) -> tuple[pd.DataFrame, Sequence[str], dict[int, int] | None]:
    """The rows, what is wrong with incomplete ones (left out), and how many calls were started."""
    path, spool = run_dir / SAMPLES, run_dir / SPOOL
    try:
        if not path.exists() and spool.is_dir() and not (touch and _sealed(spool, path)):
            rows, counts = unsealed(spool)
            return rows, (), counts
        if not path.exists():
            return frame([SCHEMA.empty_table()]), (), None
        return *load_whole(path), _started(path)
    except (OSError, pa.ArrowException, msgspec.MsgspecError) as error:
        raise _unreadable(path, error) from error


def _sealed(spool: Path, path: Path) -> bool:
    """Seal the spools of a run that was cut off; False if that is impossible (they are read directly)."""
    try:
        seal(spool, path)
    except OSError:
        return False
    return True


def _unreadable(path: Path, error: Exception) -> UsageError:
    """The error for a file that Arrow cannot read; it quotes only the first line of Arrow's message."""
    why = next(iter(str(error).splitlines()), "") or type(error).__name__
    return UsageError(f"{path} cannot be read", why, "The file is damaged; run again")


def _started(path: Path) -> dict[int, int] | None:
    """The number of calls started, by worker, as stored in samples.parquet."""
    try:
        return sealed_counts(path)
    except (OSError, ValueError, AttributeError, TypeError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _undone(path: Path) -> bool:
    """Whether everything that a fault left was undone, by the harness or by its janitor."""
    return path.exists() and all(one.what in NO_FAULTS for one in read_open(path))
