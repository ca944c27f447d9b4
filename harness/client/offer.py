"""Lists the resources, resource templates and prompts of a server. Every list is read to its last page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from harness.client.session import Client
from harness.mcp import outcome
from harness.mcp.json_object import JsonObject

Kind = Literal["tool", "resource", "template", "prompt"]
PAGES_MAX: Final = 20
ITEMS_MAX: Final = 1_000
NAME_CHARS: Final = 500
# The method, the list in its result, and the member that names an item.
_LISTS: Final[dict[Kind, tuple[str, str, str]]] = {
    "resource": ("resources/list", "resources", "uri"),
    "template": ("resources/templates/list", "resourceTemplates", "uriTemplate"),
    "prompt": ("prompts/list", "prompts", "name"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Offered:
    """One thing that can be called, read or got."""

    kind: Kind
    name: str
    described: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def operation(self) -> str:
        """The beginning of its operation's name, as rows have it."""
        method = {"tool": "tools/call", "prompt": "prompts/get"}.get(self.kind, "resources/read")
        return f"{method}:{self.name}"


def of_tools(tools: list[JsonObject]) -> list[Offered]:
    return [Offered("tool", str(tool["name"]), tool) for tool in tools]


async def besides_tools(client: Client) -> list[Offered]:
    """Ask for all lists but that of the tools; a server that has no such list offers nothing of it."""
    offered: list[Offered] = []
    for kind, (method, key, name) in _LISTS.items():
        offered += [
            Offered(kind, item[name], item)
            for item in await _items(client, method, key)
            if isinstance(item, dict) and isinstance(item.get(name), str) and len(item[name]) <= NAME_CHARS
        ]
    return offered


async def _items(client: Client, method: str, key: str) -> list[Any]:
    items: list[Any] = []
    params: JsonObject = {}
    for _ in range(PAGES_MAX):
        reply = await client.request(method, params)
        result = reply.mapping() if reply.outcome == outcome.OK else {}
        page = result.get(key)
        if not isinstance(page, list):
            break
        items += page
        cursor = result.get("nextCursor")
        if (
            not isinstance(cursor, str)
            or not cursor
            or params.get("cursor") == cursor
            or len(items) >= ITEMS_MAX
        ):
            break
        params = {"cursor": cursor}
    return items[:ITEMS_MAX]
