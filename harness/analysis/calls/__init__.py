"""Calls: the columns that everything is computed from, and what is counted and measured of them."""
