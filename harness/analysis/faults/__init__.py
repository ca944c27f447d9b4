"""Faults: their effect on calls, the recovery of the service, lost work, and the resilience matrix."""
