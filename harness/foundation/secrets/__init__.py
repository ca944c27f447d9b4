"""Secrets: where they enter (`sources`), the known values (`hiding`), and how outputs stay free of them."""
