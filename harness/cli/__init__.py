"""The command line: a table of commands, one command a file."""
