"""The token of a run: who has it may join the load's master, and nobody else.

Each run draws one, and hands it to its own workers in their environment, which no other user of the machine can read. A run
that expects workers from elsewhere may be given one (`HARNESS_JOIN_TOKEN`, or a file that has it); else it lies in
the run directory as `join.token` for as long as there is load.

What it does not know: sockets. `inside.sealing` seals them with the key that the token stands for.
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
    """Every wheel of pyzmq can; one that was built without CURVE cannot, and an open door is none to fall back to."""
    import zmq

    if not zmq.has("curve"):
        raise UsageError(
            "The load cannot be kept to the workers of the run",
            "pyzmq was built without CURVE, which seals Locust's channel",
            "Install its wheel: pip install --force-reinstall --only-binary pyzmq pyzmq",
        )


def drawn() -> str:
    """Nobody can guess it."""
    token = secrets.token_hex(32)
    hiding.learn(token)
    return token


def given(environment: Mapping[str, str]) -> str:
    """What the environment says; "" when it says nothing."""
    token, file = environment.get(VARIABLE, ""), environment.get(FILE_VARIABLE, "")
    if not token and file:
        try:
            with Path(file).open(encoding="utf-8") as read:
                token = read.read(LONGEST + 2)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise UsageError(f"{FILE_VARIABLE} cannot be read", f"{file}: {why}", MAKE_ONE) from error
        if not token.strip():
            raise UsageError(f"{FILE_VARIABLE} names a file without a token", file, MAKE_ONE)
    token = token.strip()
    if token and not SHORTEST <= len(token) <= LONGEST:
        raise UsageError(
            "The token of the run cannot be used",
            f"It has {len(token)} characters, and must have {SHORTEST} to {LONGEST}: who guesses it can join",
            MAKE_ONE,
        )
    hiding.learn(token)
    return token


def key(token: str) -> bytes:
    """32 bytes: the secret half of the master's key."""
    return hashlib.blake2b(token.encode(), digest_size=32, person=b"harness-joining").digest()
