"""What is asked for: text to frozen values."""
