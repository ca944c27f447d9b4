"""Modules that every package may use: time, units (durations, rates, sizes), errors, exit codes, secrets, untrusted text, addresses.

Nothing here knows about MCP, load or runs.
"""
