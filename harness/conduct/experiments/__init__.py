"""Chaos Toolkit beside a run: the experiment as a child, and the port where it controls the faults."""
