"""Virtual users: their tasks, their pacing, and the row that each of their calls writes.

Locustfiles import `McpUser`, `WebSocketMcpUser` and `ClientUser` from here. They are loaded lazily: a worker that needs one
small module of this package does not load all of it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.load.inside.users.client_user import ClientUser
    from harness.load.inside.users.user import McpUser, WebSocketMcpUser

__all__ = ["ClientUser", "McpUser", "WebSocketMcpUser"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"{__name__} has no {name}")
    from harness.load.inside.users import client_user, user

    return getattr(client_user if name == "ClientUser" else user, name)
