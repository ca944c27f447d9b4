"""The last seconds of a run, while it runs."""
