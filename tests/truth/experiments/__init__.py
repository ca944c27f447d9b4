"""What is held against theory, by name. One experiment a file; each yields its rows as they are known."""

from tests.truth.experiments import (
    benches,
    breaking,
    counts,
    deaths,
    faults,
    forgotten,
    generators,
    knees,
    latency,
    limits,
    outcomes,
    proofs,
    queues,
    recoveries,
    stalls,
    tampered,
    verdicts,
    works,
)
from tests.truth.rows import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    "latency": latency.rows,
    "stall": stalls.rows,
    "queues": queues.rows,
    "knee": knees.rows,
    "breaking": breaking.rows,
    "limits": limits.rows,
    "outcomes": outcomes.rows,
    "counts": counts.rows,
    "benches": benches.rows,
    "sessions": forgotten.rows,
    "verdicts": verdicts.rows,
    "work": works.rows,
    "recovery": recoveries.rows,
    "proof": proofs.rows,
    "deaths": deaths.rows,
    "generator": generators.rows,
    "tampered": tampered.rows,
    "faults": faults.rows,
}
