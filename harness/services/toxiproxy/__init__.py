"""Toxiproxy: the server, its API, and how to get the program."""
