"""Names that nobody else has, for what checks make: verify-order-3f9c21aa-04d1e7, the first number being that of the process that verifies."""

import secrets
from typing import Final

RUN: Final = secrets.token_hex(4)


def named(what: str) -> str:
    """A new one."""
    return f"verify-{what}-{RUN}-{secrets.token_hex(3)}"
