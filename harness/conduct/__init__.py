"""Makes runs: it carries out plans. `run` is one run, from top to bottom.

setup         before the load: addresses, services, the server, trial calls
live          while it goes on: figures, alerts and webhooks, Prometheus, abort rules
durability    entries and tasks that are written and counted
experiments   Chaos Toolkit beside a run
"""
