"""The plan of a run: every step and fault with its time, before anything starts."""
