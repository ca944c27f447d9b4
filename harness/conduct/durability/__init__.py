"""Durability checks: entries and tasks are written while faults are on, and read back afterwards."""
