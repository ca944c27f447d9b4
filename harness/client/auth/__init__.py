"""Authorization: read what the server asks for, get a token from its source, and renew it in time."""
