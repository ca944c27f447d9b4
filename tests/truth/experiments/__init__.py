"""What is held against theory, by name. One experiment a file; each yields its rows as they are known."""

from tests.truth.experiments import (
    counts,
    outcomes,
)
from tests.truth.rows import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    "counts": counts.rows,
    "outcomes": outcomes.rows,
}
