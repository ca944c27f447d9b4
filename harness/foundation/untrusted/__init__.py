"""Text from outside: read within bounds (`documents`), and made harmless before a terminal or a log shows it (`printable`)."""
