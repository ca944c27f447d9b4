"""What a server really holds: how much memory a session leaves behind, how many sessions fit, how long an idle stream lives.

Each experiment is a module that opens sessions of its own (`harness.client`) and is not a load run: the number that it
finds is a property of sessions, not of calls. What it finds is a frozen value with a JSON form; the terminal shows the same.
"""
