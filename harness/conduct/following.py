"""Follows the spools while the load runs: new rows, open calls, the rows of the current step."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from harness.analysis.levels.steps import Judged, judge
from harness.foundation.units import NS_PER_MS
from harness.load.engine import Trouble
from harness.run_directory.event_kinds import RowsUnwritten, WorkerLost, WorkerReport
from harness.run_directory.events import EventLog
from harness.run_directory.samples import Tail, frame
from harness.run_directory.spool import Gauges

JUDGED_COLUMNS = ["intended_ns", "done_ns", "outcome", "operation"]
COUNTED_AT = 40  # tables: some seconds
NOT_SENT_COUNTED_AT = 10_000  # arrivals that were not sent: an overloaded step has as many in some seconds
NOTHING = Judged(0, 0, 0, None)
BUCKET_MS = 100  # the resolution of unsent arrivals in events.jsonl


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that the workers have written for a while, and their gauges."""

    tables: list[pa.Table] = field(default_factory=list)
    said: list[tuple[int, Gauges]] = field(default_factory=list)  # by worker


@dataclass(slots=True)
class SpoolFollower:
    """The rows of the current step, and the last gauges of each worker.

    `read` reads new rows and returns them; `take` returns all rows since its last call, each once.
    """

    tail: Tail
    log: EventLog
    gauges: dict[int, Gauges] = field(default_factory=dict)
    step_rows: list[pa.Table] = field(default_factory=list)
    whole_rows: bool = False
    step_counted: Judged = NOTHING  # calls of the step whose rows were dropped
    step_not_sent: list[int] = field(default_factory=list)
    not_sent_counted: int = 0  # arrivals of the step that were dropped from that list
    _waiting: Rows = field(default_factory=Rows)

    def read(self) -> list[pa.Table]:
        """Read the spools; return the new rows."""
        known = len(self._waiting.tables)
        for gauges, worker, table in self.tail.read():
            self.gauges[worker] = gauges
            self._waiting.tables.append(table)
            self._waiting.said.append((worker, gauges))
            self.step_rows.append(table if self.whole_rows else table.select(JUDGED_COLUMNS))
            self.step_not_sent += gauges.not_sent
            self.log.write(_report(gauges, worker))
        return self._waiting.tables[known:]

    def take(self) -> Rows:
        """Return the rows since the last call of this."""
        taken, self._waiting = self._waiting, Rows()
        return taken

    def trouble(self, trouble: Trouble, at_ns: int) -> None:
        """Write a trouble to the event log, with the number of users that it cost, if known."""
        gauges = self.gauges.get(trouble.worker) if trouble.worker is not None else None
        kind = RowsUnwritten if trouble.unwritten else WorkerLost
        users = None if gauges is None else gauges.users
        self.log.write(kind(at_ns=at_ns, worker=trouble.part, users=users, why=trouble.why))

    def begin_step(self, *, whole_rows: bool = False) -> None:
        """Begin a step without rows.

        Only few columns are kept unless `whole_rows`, as a step may last for hours.
        """
        self.step_rows, self.whole_rows = [], whole_rows
        self.step_counted, self.step_not_sent, self.not_sent_counted = NOTHING, [], 0

    def count(self, start_ns: int, until_ns: int) -> None:
        """Count the calls and unsent arrivals that were due before `until_ns`, and drop their rows and times.

        Only for steps that need nothing but counts.
        """
        if len(self.step_not_sent) >= NOT_SENT_COUNTED_AT:
            self.not_sent_counted += self._not_sent(start_ns, until_ns)
            self.step_not_sent = [at_ns for at_ns in self.step_not_sent if at_ns >= until_ns]
        if len(self.step_rows) >= COUNTED_AT:
            self.step_counted = self.step_counted.plus(judge(frame(self.step_rows), start_ns, until_ns))
            later = [rows.filter(pc.greater_equal(rows["intended_ns"], until_ns)) for rows in self.step_rows]
            self.step_rows = [rows for rows in later if rows.num_rows]

    def judged(self, rows: pd.DataFrame, start_ns: int, end_ns: int) -> Judged:
        """Return the counts of all calls of the step; `rows` are those not yet counted."""
        judged = judge(rows, start_ns, end_ns)
        return judged if self.step_counted == NOTHING else self.step_counted.plus(judged)

    def resolved(self, until_ns: int) -> bool:
        """Whether every worker has reported, after that time, that no earlier call is open."""
        seen = self.gauges.values()
        return bool(seen) and all(min(one.at_ns, one.oldest_open_ns) >= until_ns for one in seen)

    def counted_out(self, since_ns: int) -> bool:
        """Whether every worker has reported, after that time, that the calls of a step by count are done."""
        seen = self.gauges.values()
        return bool(seen) and all(
            one.at_ns > since_ns and not one.left and not one.open_calls for one in seen
        )

    def last_done_ns(self, since_ns: int) -> int:
        """Return when the last of the calls intended since then was done."""
        last = since_ns
        for table in self.step_rows:
            done = table["done_ns"].to_numpy()[table["intended_ns"].to_numpy() >= since_ns]
            last = max(last, int(done.max(initial=since_ns)))
        return last

    def not_sent(self, start_ns: int, end_ns: int) -> int:
        """Return how many arrivals of the step, intended in [start, end), were not sent."""
        return self.not_sent_counted + self._not_sent(start_ns, end_ns)

    def _not_sent(self, start_ns: int, end_ns: int) -> int:
        at_ns = np.array(self.step_not_sent, dtype=np.int64)
        return int(np.count_nonzero((at_ns >= start_ns) & (at_ns < end_ns)))


def _report(gauges: Gauges, worker: int) -> WorkerReport:
    is_open = bool(gauges.arrived or gauges.overdue or gauges.not_sent)
    buckets = Counter(at_ns // (BUCKET_MS * NS_PER_MS) * BUCKET_MS for at_ns in gauges.not_sent)
    return WorkerReport(
        at_ns=gauges.at_ns,
        worker=worker,
        cpu=gauges.cpu,
        run_delay=gauges.run_delay,
        lag_ms=gauges.lag_ms,
        started=gauges.started,
        recorded=gauges.recorded,
        open_calls=gauges.open_calls,
        read_ms=gauges.read_ms,
        held_us=gauges.held_us,
        added=gauges.added,
        added_each=gauges.added_each,
        added_others_us=gauges.added_others_us,
        files_open=gauges.files_open,
        files_max=gauges.files_max,
        users=gauges.users,
        arrived=gauges.arrived if is_open else None,
        overdue=gauges.overdue if is_open else None,
        not_sent=sorted(buckets.items()) if is_open else None,
        last=True if gauges.last else None,
        retries_refused=gauges.retries_refused or None,
        noise=gauges.noise or None,
    )
