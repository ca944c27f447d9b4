"""The token of a run: only workers that have it may join the load's master.

Each run draws one, and passes it to its own workers in their environment, which no other user of the machine
can read. A run that expects workers of other machines may be given one (`HARNESS_JOIN_TOKEN`, or a file that
holds it); else it is in the run directory as `join.token` for as long as there is load.
It knows nothing of sockets: `inside.distributed.sealing` seals them with the key that is derived from the
token.
"""

import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from harness.foundation.errors import UsageError
from harness.foundation.secrets import hiding

VARIABLE: Final = "HARNESS_JOIN_TOKEN"
FILE_VARIABLE: Final = "HARNESS_JOIN_TOKEN_FILE"
FILE: Final = "join.token"
SHORTEST: Final = 20
LONGEST: Final = 1000
MAKE_ONE: Final = "Make one with: openssl rand -hex 32"


def check_sealable() -> None:
    """Raise UsageError if pyzmq was built without CURVE (its wheels have it); unsealed is no fallback."""
    import zmq

    if not zmq.has("curve"):
        raise UsageError(
            "The connection to the workers cannot be encrypted",
            "pyzmq was built without CURVE, which encrypts Locust's connections",
            "Install its wheel: pip install --force-reinstall --only-binary pyzmq pyzmq",
        )


def drawn() -> str:
    """Return a new random token."""
    token = secrets.token_hex(32)
    hiding.learn(token)
    return token


def given(environment: Mapping[str, str]) -> str:
    """Return the token from the environment; "" when there is none."""
    token, file = environment.get(VARIABLE, ""), environment.get(FILE_VARIABLE, "")
    if not token and file:
        try:
            with Path(file).open(encoding="utf-8") as read:
                token = read.read(LONGEST + 2)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            raise UsageError(f"{FILE_VARIABLE} cannot be read", f"{file}: {why}", MAKE_ONE) from error
        if not token.strip():
            raise UsageError(f"{FILE_VARIABLE} names a file without a token", file, MAKE_ONE)
    token = token.strip()
    if token and not SHORTEST <= len(token) <= LONGEST:
        raise UsageError(
            "The token of the run cannot be used",
            f"It has {len(token)} characters, and must have {SHORTEST} to {LONGEST}: anybody anybody who guesses it can join",
            MAKE_ONE,
        )
    hiding.learn(token)
    return token


def key(token: str) -> bytes:
    """Return the secret half of the master's key, 32 bytes derived from the token."""
    return hashlib.blake2b(token.encode(), digest_size=32, person=b"harness-joining").digest()
