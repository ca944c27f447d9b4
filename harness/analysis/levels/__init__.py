"""Levels of load: the steps of a run, where it breaks, what it can answer at most, and from where on calls wait."""
