"""A user's connections: bytes out, bytes in, and the time of each."""
