"""The live figures of a run: its last seconds, while it runs."""
