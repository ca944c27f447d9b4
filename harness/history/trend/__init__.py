"""A figure over many runs: where it changed for good (`change_points`), as a line of blocks (`sparkline`), as a page (`page`).

Everything here is pure: it is given series as typed values (`series`), wherever the runs come from.
"""
