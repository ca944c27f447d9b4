"""Objectives: the observed value of each, and whether it is held, missed, or undecided."""
