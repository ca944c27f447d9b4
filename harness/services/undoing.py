"""How a fault is undone by somebody else, later: as data for undo.jsonl.

The janitor outlives us and has nothing but the standard library, so what it is told is HTTP calls to make,
newest thing first: take toxics off, enable the proxy again, and in the end delete the proxy. A proxy that is
gone needs nothing undone. A server that was ours is gone with us, and everything on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.services.links import Link

TOXIPROXY, STOPPED = "toxiproxy", "stopped"


@dataclass(frozen=True, slots=True)
class Undo:
    """One entry of undo.jsonl."""

    what: str
    data: dict[str, Any]


def toxics(link: "Link", names: Sequence[str]) -> Undo:
    """Take toxics off a link."""
    return _entry(link, [f"/proxies/{link.proxy}/toxics/{name}" for name in names], [])


def enabled(link: "Link") -> Undo:
    """Enable a link again."""
    return _entry(link, [], [f"/proxies/{link.proxy}"])


def proxy(api: str, name: str, *, ours: bool) -> Undo:
    """Delete a proxy of ours, and whatever is on it."""
    return Undo(TOXIPROXY, {"api": _address(api), "ours": ours, "delete": [f"/proxies/{name}"], "enable": []})


def _address(url: str) -> str:
    """Scheme, host and port: the janitor needs no more, and takes the token from its environment."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _entry(link: "Link", delete: list[str], enable: list[str]) -> Undo:
    return Undo(
        TOXIPROXY, {"api": _address(link.api.url), "ours": link.ours, "delete": delete, "enable": enable}
    )
