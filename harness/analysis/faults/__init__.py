"""Faults: what each did to the calls, how the service recovered, what work was lost, and the resilience matrix."""
