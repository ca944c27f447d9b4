"""Objectives: what was observed, and whether that holds them, misses them, or leaves them undecided."""
