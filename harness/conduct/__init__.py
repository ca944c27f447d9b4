"""Makes runs: it carries out plans."""
