"""How another process can undo a fault later: as data for undo.jsonl.

The janitor outlives us and has only the standard library, so the data are HTTP calls for it to make, newest
thing first: take toxics off, enable the proxy again, and in the end delete the proxy. A proxy that is
gone needs nothing undone. A server that was ours is gone with us, and everything on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TOXIPROXY, STOPPED = "toxiproxy", "stopped"


@dataclass(frozen=True, slots=True)
class Undo:
    """One entry of undo.jsonl."""

    what: str
    data: Mapping[str, object]


def toxics(api: str, proxy: str, names: Sequence[str], *, ours: bool) -> Undo:
    """Return the entry that takes toxics off a proxy."""
    return _entry(api, [f"/proxies/{proxy}/toxics/{name}" for name in names], [], ours=ours)


def enabled(api: str, proxy: str, *, ours: bool) -> Undo:
    """Return the entry that enables a proxy again."""
    return _entry(api, [], [f"/proxies/{proxy}"], ours=ours)


def proxy(api: str, name: str, *, ours: bool) -> Undo:
    """Return the entry that deletes a proxy of ours, and whatever is on it."""
    return _entry(api, [f"/proxies/{name}"], [], ours=ours)


def _entry(api: str, delete: list[str], enable: list[str], *, ours: bool) -> Undo:
    return Undo(TOXIPROXY, {"api": _address(api), "ours": ours, "delete": delete, "enable": enable})


def _address(url: str) -> str:
    """Return scheme, host and port, without credentials: the janitor takes the token from its environment."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
