"""Connections: bytes out, bytes in, and when each of it happened. One user has one of them."""
