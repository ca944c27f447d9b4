"""The backends of a server: PostgreSQL, RabbitMQ, Redis; the user's, or our own for the run."""
