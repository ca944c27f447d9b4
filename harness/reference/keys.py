"""API keys: `mcp_ID_SECRET`. The id says whose it is, the secret that it is theirs.

Of a key only a salted hash is kept, and a slow one: some 50 ms and 16 MB for whoever wants to guess a secret from a
stolen hash, each time.
"""

import hashlib
import hmac
import re
import secrets

_KEY = re.compile(r"mcp_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")
FIRST_KEY = "admin key, shown this once: "  # what an admin's key that was made at the start is announced with
FORM = "mcp_ followed by 16 hexadecimal digits, _ and 43 letters, digits, - or _"


def new_key() -> str:
    return f"mcp_{secrets.token_hex(8)}_{secrets.token_urlsafe(32)}"


def id_of(key: str) -> str | None:
    """Whose key it says to be; None when it is no key at all."""
    match = _KEY.fullmatch(key)
    return match[1] if match else None


def new_salt() -> bytes:
    return secrets.token_bytes(16)


def hashed(key: str, salt: bytes) -> bytes:
    return hashlib.scrypt(key.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)


def fits(key: str, salt: bytes, right: bytes) -> bool:
    """Whether that is the hash of the key, in constant time."""
    return hmac.compare_digest(hashed(key, salt), right)
