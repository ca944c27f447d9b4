"""Cleaning up after a harness that is gone: the janitor, what it undoes, and who watches it. Standard library only where it runs alone."""
