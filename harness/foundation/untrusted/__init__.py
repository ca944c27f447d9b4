"""Text from outside: read within bounds (`documents`), and made safe for terminals and logs (`printable`)."""
