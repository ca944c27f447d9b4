"""Earlier runs: list them, keep their figures in PostgreSQL, compare groups of runs, follow figures over nights."""
