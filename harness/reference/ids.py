"""Identifiers from outside: of a session, a task or a client, in a path, a query or a header.

An invalid identifier matches nothing. It is rejected here, before PostgreSQL is asked for a text that it
cannot hold (its error would look like a part that does not answer), or Redis for a very long one.
    visible ASCII, as the protocol demands of sessions  !  to  ~
    1 to ID_MAX characters                              ours have 32 at most
Other texts (names, arguments, entries) are checked where they are received: `tools`, `clients`, `opening`.
"""

import re
from typing import Final

ID_MAX: Final = 128
_ID: Final = re.compile(rf"[!-~]{{1,{ID_MAX}}}")


def can_be(word: str) -> bool:
    """Whether this is a valid identifier."""
    return _ID.fullmatch(word) is not None
