"""Builds run directories with known answers: samples, events, plan and metadata as the real halves write them.

    run = Run()
    run.level(10, seconds=8, rps=100, ms=20)            a step of 10 users, measured for 8 s
    run.level(20, seconds=8, rps=150, ms=40, failing=0.2)
    run.write(tmp_path)

Calls of a level are spread evenly over its window and take `ms` each, so every number can be worked out on
paper. Rows are kept as arrays: a million of them take a second.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from harness.run_directory.samples import SCHEMA
from harness.run_directory.schema import ORDER, TEXTS

S = 1_000_000_000
MS = 1_000_000


def rows(count: int, **columns: Any) -> pd.DataFrame:
    """Samples: ok calls of 10 ms, one a second, but for the columns given (each a value or an array)."""
    intended = np.asarray(columns.pop("intended_ns", np.arange(count, dtype=np.int64) * S))
    default: dict[str, Any] = {
        "seq": np.arange(count),
        "intended_ns": intended,
        "sent_ns": intended,
        "first_byte_ns": None,
        "done_ns": intended + 10 * MS,
        "user_class": "LightUser",
        "operation": "tools/call:execute_query",
        "transport": "http",
        "outcome": "ok",
        "detail": "",
        "status": 200,
        "code": None,
        "user": 0,
        "session": 0,
        "worker": 0,
        "bytes_out": 300,
        "bytes_in": 400,
        "reused": True,
    }
    frame = pd.DataFrame({name: columns.get(name, default[name]) for name in ORDER}, index=range(count))
    for name in TEXTS:
        frame[name] = frame[name].astype("category")
    return frame


@dataclass
class Run:
    """A run as it grows; times in seconds since the epoch."""

    name: str = "ramp"
    at_s: float = 1.0
    limit: float | None = 0.95
    objectives: list[str] = field(default_factory=list)
    frames: list[pd.DataFrame] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    plan_steps: list[dict[str, Any]] = field(default_factory=list)
    plan_faults: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    retries: dict[str, Any] | None = None  # as the plan says
    calls: int = 0
    matrix: bool = False
    work: list[dict[str, Any]] = field(default_factory=list)

    def event(self, at_s: float, event: str, **data: Any) -> None:
        self.events.append({"at_ns": int(at_s * S), "event": event, **data})

    def add(self, frame: pd.DataFrame) -> None:
        """Rows of worker 0, numbered on."""
        self.frames.append(frame.assign(seq=np.arange(self.calls, self.calls + len(frame))))
        self.calls += len(frame)

    def level(
        self,
        users: int,
        *,
        seconds: float = 10.0,
        rps: float = 100.0,
        ms: float | np.ndarray = 20.0,
        failing: float = 0.0,
        kind: str = "ramp",
        phase: str = "climb",
        cut_off: bool = False,
        **columns: Any,
    ) -> None:
        """One level of load, measured for `seconds` from now; every 1/failing-th call fails."""
        index = sum(event["event"] == "step_asked" for event in self.events)
        if not self.events:
            self.event(self.at_s, "run_started")
        if kind != "confirm":
            limit = self.limit if kind == "ramp" else None
            step = {"index": index, "phase": phase, "kind": kind, "users": users, "settle_s": 0.0}
            self.plan_steps.append({**step, "break_below": limit})
        self.event(self.at_s, "step_asked", index=index, name=phase, kind=kind, users=users, rate=None)
        self.event(self.at_s, "step_running", index=index, users=users)
        count = round(seconds * rps)
        start_ns, end_ns = int(self.at_s * S), int((self.at_s + seconds) * S)
        intended = start_ns + (np.arange(count) * (seconds * S) / max(count, 1)).astype(np.int64)
        failed = np.floor(np.arange(1, count + 1) * failing) > np.floor(np.arange(count) * failing)
        defaults = {
            "outcome": np.where(failed, "http_status", "ok"),
            "detail": np.where(failed, "503 Service Unavailable", ""),
            "status": np.where(failed, 503, 200),
            "user": np.arange(count) % users,
        }
        done = intended + np.asarray(np.asarray(ms) * MS).astype(np.int64)
        self.add(rows(count, intended_ns=intended, done_ns=done, **(defaults | columns)))
        self.health(self.at_s + seconds / 2, users=users)
        if not cut_off:
            self.event(
                self.at_s + seconds, "step_done", index=index, start_ns=start_ns, end_ns=end_ns, reason="time"
            )
        self.at_s += seconds

    def fault(
        self,
        name: str,
        at_s: float,
        for_s: float = 10.0,
        *,
        kind: str = "latency",
        link: str = "client",
        healing_s: float = 0.1,
        why: str = "",
        unhealed: str = "",
        skipped: str = "",
        cut_off: bool = False,
        step: str | None = None,
        **canaries: Any,
    ) -> None:
        """A fault as the injector tells it: its events, and its place in the plan; its effect is the caller's."""
        what = {"name": name, "kind": kind, "link": link}
        parameters = {"latency": 0.2} if kind == "latency" else {}
        planned = {"starts_s": at_s, "for_s": for_s, "step": step, "parameters": parameters}
        self.plan_faults.append(what | planned)
        if skipped:
            self.event(at_s, "fault_skipped", **what, why=skipped)
            return
        figures = {"through_ms": None, "beside_ms": None, "expected_ms": None} | canaries
        self.event(at_s, "fault_on", **what, parameters=parameters)
        self.event(at_s + 0.5, "fault_verified", name=name, verified=not why, why=why, **figures)
        if not cut_off:
            self.event(at_s + for_s, "fault_off", name=name)
            healed_s = at_s + for_s + healing_s
            self.event(healed_s, "fault_healed", name=name, healed=not unhealed, why=unhealed)

    def health(self, at_s: float, **data: Any) -> None:
        """What worker 0 says of itself; healthy but for what is given."""
        said = {"worker": 0, "cpu": 0.3, "run_delay": 0.01, "lag_ms": [0.4], "started": self.calls}
        self.event(at_s, "generator", **(said | {"recorded": self.calls, "open_calls": 0, "users": 1} | data))

    def end(self, reason: str = "completed") -> None:
        self.event(self.at_s + 0.5, "run_ended", reason=reason)

    def frame(self) -> pd.DataFrame:
        frame = pd.concat(self.frames, ignore_index=True) if self.frames else rows(0)
        return frame.astype(dict.fromkeys(TEXTS, "category"))

    def write(self, path: Path) -> Path:
        """The run directory."""
        path.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pandas(self.frame(), schema=SCHEMA, preserve_index=False)
        pq.write_table(table, path / "samples.parquet")
        self.write_words(path)
        return path

    def write_words(self, path: Path) -> None:
        """Everything but the samples."""
        lines = [json.dumps(event) for event in self.events]
        (path / "events.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        plan = {"schema": 1, "scenario": self.name, "steps": self.plan_steps, "faults": self.plan_faults}
        plan["matrix"] = self.matrix
        plan |= {"retries": self.retries}
        (path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
        if self.work:
            lines = [json.dumps(line) for line in self.work]
            (path / "work.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        (path / "metadata.json").write_text(json.dumps(self._metadata()), encoding="utf-8")

    def _metadata(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "run_id": "20260101T000000Z-abc123",
            "scenario": self.name,
            "command": self.name,
            "started_at": "2026-01-01T00:00:00Z",
            "seed": 7,
            "timeout_s": 30.0,
            "warmup_s": 0.0,
            "target": {
                "url": "http://127.0.0.1:8000/mcp",
                "transport": "http",
                "protocol": "2025-11-25",
                "server": {"name": "reference", "version": "1.2.3"},
                "managed": True,
                "cpu_max": 0.71,
                "rss_max_mb": 182.4,
            },
            "workers": 1,
            "engine": "locust",
            "objectives": self.objectives,
            "versions": {"mcp-harness": "0.1.0", "python": "3.11.9", "locust": "2.47.0"},
            "machine": {"cores": 2, "cpu": "Example CPU", "platform": "Linux"},
            "clock_error_ms": 0.0,
            "argv": ["harness", "ramp", "--max", "50"],
            **self.metadata,
        }


def ramp(*, objectives: list[str] | None = None) -> Run:
    """Ten levels up to 50 users; 500 calls a second at most, failures from 40 users on."""
    run = Run(objectives=objectives or [])
    rng = np.random.default_rng(7)
    broke = False
    for users in range(5, 55, 5):
        rps = min(users / 0.02, 500.0 - max(0, users - 25) * 3)
        failing = max(0.0, (users - 35) * 0.02) if users > 35 else 0.0
        for kind in ("ramp", "confirm") if failing > 0.05 else ("ramp",):
            spread = rng.lognormal(0, 0.35, round(10 * rps))
            run.level(users, rps=rps, ms=users / rps * 1000 * spread, failing=failing, kind=kind)
            broke = failing > 0.05
        if broke:
            break
    run.end("broke")
    return run


def faults(*, objectives: list[str] | None = None) -> Run:
    """90 s at 200/s and 20 users: 200 ms on the client link, then the link is down; each for 10 s, then recovery.

    0    |1 ... 21|22 ---- 31|          |52 -- 57|      91
    load  20 ms    + 200 ms    20 ms     refused  20 ms, slow for 4 s
    """
    run = Run(name="faults", objectives=objectives or [])
    rng = np.random.default_rng(11)
    count, users = 90 * 200, 20
    at_s = 1.0 + np.arange(count) / 200
    slow, down, warming = (
        (at_s >= start) & (at_s < end) for start, end in ((22.0, 32.0), (52.0, 57.0), (57.0, 61.0))
    )
    ms = 20 * rng.lognormal(0, 0.3, count) + 200 * slow + 60 * warming
    ms[down] = 1.0
    run.fault("slow-link", 22.0, 10.0, through_ms=203.1, beside_ms=1.9, expected_ms=200.0)
    run.fault("cut", 52.0, 5.0, kind="down", beside_ms=1.8)
    run.health(1.5, users=users)
    run.level(
        users,
        seconds=90,
        rps=200,
        ms=ms,
        kind="sustain",
        phase="steady",
        outcome=np.where(down, "connect", "ok"),
        detail=np.where(down, "connection refused", ""),
        status=np.where(down, -1, 200),
    )
    run.end()
    return run


def matrix_row(
    run: Run,
    name: str,
    kind: str,
    link: str,
    *,
    slower_ms: float = 0.0,
    failing: str = "",
    healing_s: float = 0.1,
    forever: bool = False,
    **how: Any,
) -> None:
    """40 s at 50/s: what is normal, from 20 s on a fault for 5 s, what comes after it.

    `failing`: how calls end from the fault on until it is healed; `forever`: and then to the end of the row.
    """
    began_s = run.at_s
    at_s = began_s + np.arange(40 * 50) / 50
    on_s, over_s = began_s + 20, began_s + 25 + healing_s
    meanwhile = (at_s >= on_s) & ((at_s < over_s) | forever)
    run.fault(name, on_s, 5.0, kind=kind, link=link, healing_s=healing_s, step=name, **how)
    bad = meanwhile & bool(failing)
    run.level(
        20,
        seconds=40,
        rps=50,
        ms=20 + slower_ms * meanwhile,
        kind="sustain",
        phase=name,
        outcome=np.where(bad, failing, "ok"),
        detail=np.where(bad, "as it was told", ""),
        status=200,
    )


def wrote(run: Run, at_s: float, *, kept: bool = True, outcome: str = "ok") -> None:
    """An entry of the ledger; `kept`: it is there when everything is read back."""
    entry = f"entry-{len(run.work):08d}"
    ns = int(at_s * S)
    run.work.append({"entry": entry, "sent_ns": ns - MS, "done_ns": ns, "outcome": outcome, "kept": kept})


def read_back(run: Run) -> None:
    """The end of the ledger."""
    run.work.append({"found": [line["entry"] for line in run.work if line.pop("kept")]})


def matrix(**how: Any) -> Run:
    """A row of every outcome; an entry a second, of which those of the second before the kill are gone."""
    run = Run(name="matrix", matrix=True, **how)
    matrix_row(run, "noop-client", "noop", "client", through_ms=2.0, beside_ms=1.9, expected_ms=0.0)
    matrix_row(run, "latency-client", "latency", "client", slower_ms=200.0)
    matrix_row(run, "slow_close-client", "slow_close", "client")
    matrix_row(run, "kill-target", "kill", "target", failing="connect", healing_s=1.5)
    killed_s = run.at_s - 20
    matrix_row(run, "restart-target", "restart", "target", failing="connect")
    matrix_row(run, "pause-target", "pause", "target", failing="timeout", forever=True)
    matrix_row(run, "pause-postgres", "pause", "postgres", skipped="it was not healthy before it: no answer")
    for number in range(int(run.at_s) - 1):
        wrote(run, number + 1.5, kept=not killed_s - 2 < number + 1.5 < killed_s)
    read_back(run)
    run.end()
    return run
