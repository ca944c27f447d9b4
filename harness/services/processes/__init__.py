"""Processes as such: start and end them, wait for them, their ports, cores and directories."""
