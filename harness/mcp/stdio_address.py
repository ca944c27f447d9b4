"""The address of a server that is spoken to by its standard input and output: `stdio:` and its command line.

    address(["npx", "-y", "some-server"])    "stdio:npx -y some-server"
    command("stdio:npx -y some-server")      ["npx", "-y", "some-server"]
    command("http://127.0.0.1:8000/mcp")     []

It stands wherever the URL of a server does: whoever opens a session there starts a process.
"""

import shlex
from collections.abc import Sequence
from typing import Final

STDIO: Final = "stdio"
PREFIX: Final = "stdio:"


def address(argv: Sequence[str]) -> str:
    """Return the address of the server that this command starts."""
    return PREFIX + shlex.join(argv)


def command(url: str) -> list[str]:
    """Return the command of such an address; [] for any other address."""
    return shlex.split(url.removeprefix(PREFIX)) if url.startswith(PREFIX) else []
