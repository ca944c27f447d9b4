"""What will happen, on one clock, before any of it does."""
