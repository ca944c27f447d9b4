"""Faults: what can be done to a server and its links while load goes on.

kinds          one fault a file, and the registry of them
injector       applies, verifies and heals the faults of a plan, against the clock
canary         small timed exchanges that prove that a fault is there, and gone
rude_clients   clients that do not behave, one kind a file
toolkit        actions and probes for Chaos Toolkit experiments
"""
