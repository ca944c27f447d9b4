"""Identifiers from outside: of a session, a task or a client, in a path, a query or a header.

What cannot be one is there for nobody, and that is decided here: PostgreSQL is not asked for a text that it cannot hold
(it would refuse the statement, and that would look like a part that does not answer), and Redis not for a long one.

    visible ASCII, as the protocol says of sessions     !  to  ~
    1 to ID_MAX characters                              ours have 32 at most

What is no identifier (names, arguments, entries) is text, and is checked where it is taken: `tools`, `clients`, `opening`.
"""

import re
from typing import Final

ID_MAX: Final = 128
_ID: Final = re.compile(rf"[!-~]{{1,{ID_MAX}}}")


def can_be(word: str) -> bool:
    """Whether there could be something of that name."""
    return _ID.fullmatch(word) is not None
