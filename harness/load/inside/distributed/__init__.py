"""Locust's master and its workers: who they are, what they tell each other, and who is refused."""
