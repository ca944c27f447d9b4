"""Work that can be counted: entries and tasks written while faults come and go, and read back afterwards."""
