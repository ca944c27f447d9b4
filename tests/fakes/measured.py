"""Measured runs whose figures are known, in the order in which somebody made them."""

from collections.abc import Mapping, Sequence

import numpy as np

from harness.history.comparison.comparing import Side
from harness.history.comparison.measured import ErrorKind, Kind, MeasuredRun, Value

KIND = Kind(scenario="s", target="tiny", machine="m", protocol="2025-11-25")
FIGURES = {
    "throughput": ("per_s", 200.0),
    "success": ("share", 1.0),
    "p50": ("ms", 20.0),
    "p95": ("ms", 40.0),
}


def run(
    at_s: float,
    figures: Mapping[str, float] | None = None,
    *,
    kind: Kind = KIND,
    verdict: str = "pass",
    errors: Sequence[str] = (),
    excluded: str = "",
    leading: bool = True,
    of: str = "steady",
) -> MeasuredRun:
    """A run of a minute that began at this time."""
    told = {name: value for name, (_, value) in FIGURES.items()} | dict(figures or {})
    return MeasuredRun(
        run_id=f"run-{at_s:g}",
        path=f"reports/night/run-{at_s:g}",
        scenario="night",
        started_at_s=at_s,
        duration_s=60.0,
        verdict=verdict,
        kind=kind,
        version="1.0",
        values=tuple(
            Value(
                of=of,
                name=name,
                unit=FIGURES.get(name, ("ms", 0))[0],
                value=value,
                doubt=0.0005 if name == "success" else 0.0,
                leading=leading,
            )
            for name, value in told.items()
        ),
        errors=tuple(ErrorKind(outcome=one, detail="", count=3) for one in errors),
        excluded=excluded,
    )


def turns(
    order: str, *, seed: int = 1, noise: float = 0.01, slower: float = 1.0, drift: float = 0.0
) -> tuple[Side, Side]:
    """Runs of two sides in this order, a minute each: `ABBA`; a bar is a night between."""
    random = np.random.default_rng(seed)
    found: dict[str, list[MeasuredRun]] = {"A": [], "B": []}
    at_s = 1000.0
    for letter in order:
        if letter == "|":
            at_s += 80_000
            continue
        factor = (
            float(np.exp(random.normal(0, noise)))
            * (slower if letter == "B" else 1.0)
            * (1 + drift * at_s / 600)
        )
        found[letter].append(
            run(
                at_s,
                {
                    "p50": 20 * factor,
                    "p95": 40 * factor * float(np.exp(random.normal(0, noise))),
                    "throughput": 200 / factor,
                },
            )
        )
        at_s += 70
    return Side(label="a", runs=tuple(found["A"])), Side(label="b", runs=tuple(found["B"]))
