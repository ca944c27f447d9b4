"""Making a run: the one interpreter of plans."""
