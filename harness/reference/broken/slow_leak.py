"""slow-leak: each request leaves something behind that nobody takes away. It ends at LEFT_MAX, for the machine's sake."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

LEAK_BYTES: Final = 100_000
LEFT_MAX: Final = 40_000  # 4 GB


class SlowLeak:
    """ASGI in front of ASGI."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._left: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if len(self._left) < LEFT_MAX:
            self._left.append(b"x" * LEAK_BYTES)
        await self._app(scope, receive, send)
