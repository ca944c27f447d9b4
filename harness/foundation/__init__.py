"""What every room may use: time, units, errors and exit codes; secrets, untrusted text and addresses. Nothing of MCP, load or runs."""
