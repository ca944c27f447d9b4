"""The ways in: one file each, all in front of the same tools."""
