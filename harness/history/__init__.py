"""Earlier runs: list them, and compare a run with the one before."""
