"""What the two halves agree on: the run directory, the samples, the events."""
