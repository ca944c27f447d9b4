"""Runs that were made before: which there are, and what changed since the last one."""
