"""Is this deployment fit to serve? A suite of pytest's, run by `harness verify` or with `pytest -p harness.verify.plugin`.

A check is a test in a file test_p1_*.py (must hold) or test_p2_*.py (quality); a mark says its category. It passes, fails, is skipped (with
the reason, and how to make it run) or is unknown: what could not be decided is never passed.
"""
