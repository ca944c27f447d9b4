"""API keys: `mcp_ID_SECRET`. The id names the client, the secret proves it.

Only a salted, slow hash of a key is stored: each guess at a stolen hash costs some 50 ms and 16 MB.
"""

import hashlib
import hmac
import re
import secrets

_KEY = re.compile(r"mcp_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")
FIRST_KEY = "admin key, shown this once: "  # printed before an admin's key that was made at the start
FORM = "mcp_ followed by 16 hexadecimal digits, _ and 43 letters, digits, - or _"


def new_key() -> str:
    return f"mcp_{secrets.token_hex(8)}_{secrets.token_urlsafe(32)}"


def id_of(key: str) -> str | None:
    """Return the client id in a key; None when it is no key at all."""
    match = _KEY.fullmatch(key)
    return match[1] if match else None


def new_salt() -> bytes:
    return secrets.token_bytes(16)


def hashed(key: str, salt: bytes) -> bytes:
    return hashlib.scrypt(key.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)


def fits(key: str, salt: bytes, right: bytes) -> bool:
    """Whether that is the hash of the key, in constant time."""
    return hmac.compare_digest(hashed(key, salt), right)
