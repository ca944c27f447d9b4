"""While a run goes on: its last seconds as figures, progress, live.json, alerts (console, webhooks), Prometheus, abort rules."""
