"""Records of runs for tests: one of everything, and whatever a test changes of it."""

from typing import Any

from msgspec.structs import replace

from harness.history.comparison.measured import ErrorKind, Value
from harness.history.record import (
    CheckRecord,
    FaultRecord,
    HistogramRecord,
    MatrixRecord,
    ObjectiveRecord,
    OperationRecord,
    RunRecord,
    Series,
    StepRecord,
    Times,
)

SERIES = Series(scenario="smoke", scenario_hash="5c1f", target="echo", machine="m1", branch="main")
TIMES = Times(p50=5.0, p90=8.0, p95=9.0, p99=None)


def step(index: int = 0, name: str = "steady", kind: str = "sustain", **more: Any) -> StepRecord:
    """One level of load."""
    values: dict[str, Any] = {
        "users": 5, "rate": None, "requests": 102, "ok": 100, "failed": 2, "success_rate": 0.98,
        "throughput_rps": 20.0, "times": TIMES,
    }  # fmt: skip
    return StepRecord(index=index, name=name, kind=kind, **values | more)


def operation(name: str = "tools/call:echo", user_class: str = "light", **more: Any) -> OperationRecord:
    """One operation."""
    values: dict[str, Any] = {
        "requests": 102, "ok": 100, "failed": 2, "success_rate": 0.98, "throughput_rps": 20.0, "times": TIMES,
    }  # fmt: skip
    return OperationRecord(operation=name, user_class=user_class, **values | more)


def record(run_id: str = "20261120T031702Z-5c1f0a", **more: Any) -> RunRecord:
    """A run with something of every part."""
    made = RunRecord(
        run_id=run_id, series=SERIES, started_at="2026-11-20T03:17:02+00:00", duration_s=60.5, command="run",
        commit="0123abc", versions={"python": "3.12.1", "locust": "2.47.0"}, protocol="2025-11-25",
        version="1", seed=7, workers=1, verdict="pass", reasons=(), exit_code=0, requests=120, ok=100,
        failed=2, success_rate=0.98, throughput_rps=20.0, times=TIMES, breaking_users=25, last_good_users=20,
        capacity_users=18, capacity_rps=400.5, memory_mb=80.5, sessions_opened=5, sessions_lost=1,
        saturated=False, run_dir="/runs/smoke/1", night="n1",
        steps=(step(0, "climb 5 users", "ramp"), step(1)),
        operations=(operation(), operation(user_class="heavy"), operation("ping")),
        faults=(
            FaultRecord(
                name="slow", kind="latency", link="client", verified=True, healed=True, success_rate=0.9,
                recover_s=1.5, sessions_lost=0,
            ),
        ),
        objectives=(ObjectiveRecord(objective="p95 < 250ms", observed=9.0, outcome="pass"),),
        failures=(ErrorKind(outcome="timeout", detail="30s\tand \\ more\n", count=2),),
        figures=(Value(of="steady", name="p95", unit="ms", value=9.0), Value(of="ramp", name="capacity", unit="per_s", value=400.5, doubt=1.5, leading=False)),
        noise=("the load generator was the bottleneck",),
        matrix=(MatrixRecord(name="kill", outcome="survived", why="", recover_s=2.0, sessions_lost=1),),
        checks=(CheckRecord(name="reach", priority=1, category="reach", outcome="passed", duration_ms=3.5),),
        histograms=(
            HistogramRecord(part="step", name="steady", timed="response", count=100, data=b"\x1c\x00\xff"),
        ),
    )  # fmt: skip
    return replace(made, **more)
