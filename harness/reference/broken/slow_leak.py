"""slow-leak: each request leaks some memory, up to LEFT_MAX times, to protect the machine."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

LEAK_BYTES: Final = 100_000
LEFT_MAX: Final = 40_000  # 4 GB


class SlowLeak:
    """ASGI middleware that leaks memory at each request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._left: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if len(self._left) < LEFT_MAX:
            self._left.append(b"x" * LEAK_BYTES)
        await self._app(scope, receive, send)
