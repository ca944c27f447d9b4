"""Statistics without any knowledge of runs: intervals, chance, correlation, rounding, stretches of time."""
