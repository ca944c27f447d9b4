"""Run directories of the past, with no more in them than a list and a pair need."""

import json
from pathlib import Path
from typing import Any

HERE = {"cores": 2, "cpu": "Example CPU", "platform": "Linux", "host": "here"}


def latency(ms: float) -> dict[str, Any]:
    return {"response": {"p50": ms / 2, "p95": ms, "p99": ms * 2}}


def step(index: int, kind: str, users: int, ms: float = 20.0) -> dict[str, Any]:
    return {
        "index": index,
        "kind": kind,
        "users": users,
        "rate": None,
        "success_rate": 1.0,
        "throughput_rps": 100.0,
        "latency_ms": latency(ms),
    }


def summary(run_id: str = "before", **more: Any) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "scenario": "night",
        "started_at": "2026-01-01T03:00:00+00:00",
        "verdict": "pass",
        "target": {"protocol": "2025-11-25", "server": {"name": "tiny", "version": "1.0"}},
        "totals": {"throughput_rps": 200.0, "success_rate": 1.0},
        "latency_ms": latency(40.0),
        "steps": [step(0, "ramp", 5), step(1, "ramp", 10), step(2, "sustain", 10)],
        "breaking_point": None,
        "faults": [],
        **more,
    }


def past(root: Path, day: int, scenario: str = "night", *, ended: bool = True, **facts: Any) -> Path:
    """A run of that day of January."""
    name = f"202601{day:02}T030000Z-abc123"
    path = root / scenario / name
    path.mkdir(parents=True)
    started_at = f"2026-01-{day:02}T03:00:00+00:00"
    metadata = {"run_id": name, "scenario": scenario, "started_at": started_at, "machine": HERE, **facts}
    (path / "metadata.json").write_text(json.dumps(metadata))
    (path / "undo.jsonl").write_text("")
    if ended:
        (path / "summary.json").write_text(
            json.dumps(summary(name, scenario=scenario, started_at=started_at))
        )
    return path
