"""The files between making a run and reading it: metadata (machine, versions, git commit), samples, events, results."""
