"""The files between making a run and reading it: the run directory, its samples, its events."""
