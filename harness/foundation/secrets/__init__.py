"""Secrets: where they come in (`sources`), the values that are known (`hiding`), and how they are kept out of files and logs."""
