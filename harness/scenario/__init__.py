"""What the user asks for: parse scenarios, objectives and faults from text into frozen values.

catalogue     the tables of metrics, load profiles, user classes, links and faults by name
objectives    the grammar of objectives and abort rules
plan          what will happen, on one clock
"""
