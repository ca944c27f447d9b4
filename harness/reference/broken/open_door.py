"""open-door: a key is asked for, and whatever is given is good."""

from harness.reference.caller import ADMIN, Caller
from harness.reference.clients import Clients


class OpenDoor:
    """Knows everybody."""

    def __init__(self, sound: Clients) -> None:
        self._sound = sound

    async def caller(self, key: str) -> Caller | None:
        return await self._sound.caller(key) or Caller("a stranger", ADMIN, client="stranger")
