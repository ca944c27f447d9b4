"""The metrics of a run that Prometheus can scrape while it goes on (docs/watching.md has the names).

Counters and histograms hold every call that ended, also those of the warm-up, of settling, and others that
are not measured; the report has the measured ones. Times are of ok calls: response from the intended start,
service from the send. Gauges are of the newest second; the generator's are of the last ten, as a hint of what
the report will find (`analysis.health.saturation`). The rows are those of the progress line; workers are not
asked for anything more, and the figures change once a second.
It does not know the verdict: `harness_objective_holds` is a hint, like the alerts.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from harness.analysis.health import saturation
from harness.conduct.live.live_json import LAST_S, LiveSnapshot
from harness.conduct.live.prometheus_text import Family, Labels, family, page
from harness.foundation.units import NS_PER_S
from harness.mcp import outcome
from harness.run_directory.spool import Gauges

BOUNDS_S: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0
)  # fmt: skip
KEYS: Final = ("operation", "user_class", "outcome")
LAG_MS_MAX: Final = 10.0  # a hint only; the report measures the effect of the lag
BYTES: Final = {"bytes_out": "sent", "bytes_in": "received"}


@dataclass(slots=True)
class Spread:
    """A histogram of times."""

    counts: np.ndarray = field(default_factory=lambda: np.zeros(len(BOUNDS_S) + 1, dtype=np.int64))
    sum_s: float = 0.0

    def add(self, times_s: np.ndarray) -> None:
        """Add times; a time equal to a bound counts within it."""
        places = np.searchsorted(BOUNDS_S, times_s, side="left")
        self.counts += np.bincount(places, minlength=len(self.counts))
        self.sum_s += float(times_s.sum())

    def samples(self, labels: Labels) -> Iterable[tuple[str, Labels, float]]:
        bounds = (*map(str, BOUNDS_S), "+Inf")
        for bound, below in zip(bounds, np.cumsum(self.counts), strict=True):
            yield "_bucket", {**labels, "le": bound}, int(below)
        yield "_sum", labels, self.sum_s
        yield "_count", labels, int(self.counts.sum())


@dataclass(slots=True)
class Meters:
    """The metrics of one run: counts since its beginning, and its newest second."""

    info: Mapping[str, str] = field(default_factory=dict)
    faults: Sequence[str] = ()  # that may be on
    _calls: Counter[tuple[str, ...]] = field(default_factory=Counter)
    _bytes: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in BYTES})
    _response: dict[str, Spread] = field(default_factory=dict)
    _service: dict[str, Spread] = field(default_factory=dict)
    _newest: dict[int, Gauges] = field(default_factory=dict)
    _said: deque[tuple[int, Gauges]] = field(default_factory=deque)
    _not_sent: int = 0
    _shown: LiveSnapshot | None = None
    _holding: Mapping[str, bool] = field(default_factory=dict)

    def add(self, tables: Iterable[pa.Table], readings: Iterable[tuple[int, Gauges]]) -> None:
        """Count new rows and gauges; each may be passed only once."""
        for worker, gauges in readings:
            self._newest[worker] = gauges
            self._said.append((worker, gauges))
            self._not_sent += len(gauges.not_sent)
            while self._said[0][1].at_ns < gauges.at_ns - LAST_S * NS_PER_S:
                self._said.popleft()
        if rows := [table for table in tables if table.num_rows]:
            self._count(pa.concat_tables(rows).unify_dictionaries())

    def look(self, shown: LiveSnapshot, holding: Mapping[str, bool]) -> None:
        """Note the newest second."""
        self._shown, self._holding = shown, dict(holding)

    def page(self) -> str:
        """Return the page for a scrape."""
        return page(self._families())

    def _count(self, rows: pa.Table) -> None:
        texts = [rows[name].combine_chunks().cast(pa.string()) for name in KEYS]
        numbers = [rows[name] for name in BYTES]
        sums = pa.table([*texts, *numbers], names=[*KEYS, *BYTES]).group_by(list(KEYS))
        for row in sums.aggregate([([], "count_all"), *((name, "sum") for name in BYTES)]).to_pylist():
            self._calls[tuple(row[name] for name in KEYS)] += row["count_all"]
            for name in BYTES:
                self._bytes[name][row["operation"]] += row[f"{name}_sum"]
        good = rows.filter(pc.equal(texts[KEYS.index("outcome")], outcome.OK))
        operations = good["operation"].combine_chunks()
        codes = operations.indices.to_numpy()
        for code in np.unique(codes):
            name, mine = operations.dictionary[int(code)].as_py(), codes == code
            for spreads, since in ((self._response, "intended_ns"), (self._service, "sent_ns")):
                times_s = (good["done_ns"].to_numpy()[mine] - good[since].to_numpy()[mine]) / NS_PER_S
                spreads.setdefault(name, Spread()).add(times_s)

    def _families(self) -> Iterable[Family]:
        yield family("harness_run_info", "gauge", "The current run.", [(self.info, 1)])
        yield family(
            "harness_calls_total",
            "counter",
            "Calls that ended.",
            ((dict(zip(KEYS, key, strict=True)), count) for key, count in sorted(self._calls.items())),
        )
        for name, direction in BYTES.items():
            by_operation = sorted(self._bytes[name].items())
            yield family(
                f"harness_bytes_{direction}_total",
                "counter",
                f"Bytes {direction}, heads and bodies.",
                (({"operation": operation}, count) for operation, count in by_operation),
            )
        yield _histogram("response", "From the intended start until an ok answer.", self._response)
        yield _histogram("service", "From the send until an ok answer.", self._service)
        yield from self._arrivals()
        yield from self._now()
        yield from self._generator()

    def _arrivals(self) -> Iterable[Family]:
        """Yield the counts of arrivals; only open load has any."""
        arrived = sum(gauges.arrived for gauges in self._newest.values())
        if arrived or self._not_sent:
            yield family("harness_arrivals_total", "counter", "Calls that were due.", [({}, arrived)])
            about = "Calls that were due and were not sent."
            yield family("harness_arrivals_not_sent_total", "counter", about, [({}, self._not_sent)])

    def _now(self) -> Iterable[Family]:
        shown = self._shown
        if shown is None:
            return
        opened = sum(gauges.open_calls for gauges in self._newest.values())
        steps = [({"step": shown.step}, 1)] if shown.step else []
        faults = dict.fromkeys(self.faults, 0) | dict.fromkeys(shown.faults, 1)
        yield family("harness_run_seconds", "gauge", "Since the run began.", [({}, shown.live.at_s)])
        yield family("harness_users", "gauge", "Users that are running.", [({}, shown.live.users)])
        yield family("harness_calls_open", "gauge", "Calls without an answer yet.", [({}, opened)])
        yield family("harness_step_info", "gauge", "The load step being measured; absent if none is.", steps)
        yield family(
            "harness_fault_on",
            "gauge",
            "1 while the fault is on.",
            (({"fault": name}, on) for name, on in faults.items()),
        )
        yield family(
            "harness_objective_holds",
            "gauge",
            f"Whether it holds over the last {LAST_S:g} s; absent where that is not known.",
            (({"objective": text}, int(holds)) for text, holds in self._holding.items()),
        )

    def _generator(self) -> Iterable[Family]:
        """Yield the gauges of the load generator's own health."""
        over = False
        cpu, delay, lag = [], [], []
        for worker in sorted(self._newest):
            latest = [gauges for name, gauges in self._said if name == worker]
            lags_ms = [one for gauges in latest for one in gauges.lag_ms]
            processor = _pieces([(gauges.at_ns, gauges.cpu) for gauges in latest])
            waited = [(gauges.at_ns, gauges.run_delay) for gauges in latest if gauges.run_delay is not None]
            lag_ms = float(np.percentile(lags_ms, 99)) if lags_ms else None
            labels = {"worker": str(worker)}
            cpu.append((labels, max(saturation.seconds(processor), default=None)))
            delay.append((labels, max(saturation.seconds(_pieces(waited)), default=None)))
            lag.append((labels, None if lag_ms is None else lag_ms / 1000))
            used = sum(ns * share for ns, share in processor) / max(sum(ns for ns, _ in processor), 1)
            over = over or used > saturation.CPU_MAX or (lag_ms or 0.0) > LAG_MS_MAX
        last = f"over the last {LAST_S:g} s"
        yield family(
            "harness_worker_cpu_ratio", "gauge", f"Processor time of one core, the most {last}.", cpu
        )
        about = f"Most time spent waiting for a processor, {last}."
        yield family("harness_worker_run_delay_ratio", "gauge", about, delay)
        yield family("harness_worker_lag_seconds", "gauge", f"Scheduling lag, p99 {last}.", lag)
        saturated = int(over) if self._newest else None
        about = f"1 when a worker had no CPU time left or woke late, {last}: figures may describe the load generator, not the server."
        yield family("harness_generator_saturated", "gauge", about, [({}, saturated)])


def _pieces(samples: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return (duration in ns, share) for shares that were reported at (end time, share).

    The beginning of the first is not known; half a second is assumed.
    """
    begun_ns = [samples[0][0] - NS_PER_S // 2, *(at_ns for at_ns, _ in samples)] if samples else []
    return [
        (max(at_ns - since_ns, 1), share) for since_ns, (at_ns, share) in zip(begun_ns, samples, strict=False)
    ]


def _histogram(name: str, about: str, spreads: Mapping[str, Spread]) -> Family:
    samples = [
        sample
        for operation, spread in sorted(spreads.items())
        for sample in spread.samples({"operation": operation})
    ]
    return Family(f"harness_{name}_seconds", "histogram", about, samples)
