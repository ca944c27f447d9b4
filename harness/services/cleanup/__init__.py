"""Cleanup after the harness has ended: the janitor, what it undoes, and the code that watches it.

What the janitor runs imports the standard library only.
"""
