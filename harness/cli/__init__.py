"""The command line: a table of commands, with one command in each file."""
