"""Who the clients are to the server: what it asks for, tokens and where they come from, and that they are renewed in time."""
