"""The Model Context Protocol without I/O: bytes to send, bytes received, one outcome a call."""
