"""Locust's master and its workers: their processes, their messages, and which workers are refused."""
