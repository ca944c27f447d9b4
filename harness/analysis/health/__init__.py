"""Whether a run can be trusted: the load generator, the parts of the run, the rows that are missing, damaged files."""
