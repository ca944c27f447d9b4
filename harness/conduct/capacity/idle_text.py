"""What became of streams and connections that were left alone, in words and as values."""

from collections.abc import Iterator
from typing import Any

import msgspec

from harness.conduct.capacity.door import Door
from harness.conduct.capacity.idle import Held, exit_code
from harness.foundation.secrets import redact
from harness.foundation.units import show_duration

NAMES = {
    "stream": "stream",
    "stream-pinged": "stream, its session pinged",
    "connection": "connection after a call",
    "session": "session without a connection",
}


def lines(held: list[Held], door: Door) -> Iterator[str]:
    """A line for each, and one sentence."""
    yield f"Left alone at {redact.url(door.url)}, {door.found.protocol}"
    yield ""
    for one in held:
        yield f"  {NAMES[one.kind]:<29} {show_duration(one.for_s):>5}  {sentence(one)}"
    yield ""
    lost = [one for one in held if one.harmful]
    if lost:
        yield f"{len(lost)} of {len(held)} lost a client something."
    elif any(one.word == "cut" for one in held):
        yield "Connections were closed; streams and sessions lasted."
    elif any(one.word == "held" for one in held):
        yield "All that could be opened lasted."


def sentence(held: Held) -> str:
    """`cut after 60.0 s (FIN), ...`."""
    if held.word in {"not_there", "unknown"}:
        return f"{'unknown: ' if held.word == 'unknown' else ''}{held.why}"
    session = f"; its session is gone ({held.session})" if held.session else ""
    if held.word == "held":
        sent = f", the server sent something {held.server_sent} times" if held.server_sent else ""
        return ("lasted" if not session or held.kind != "session" else "time over") + sent + session
    text = f"cut after {held.lasted_s:.1f} s ({held.how})"
    if held.lasted_s - held.idle_s > 1.0:
        text += f", {held.idle_s:.1f} s after the last byte"
    if held.cause:
        text += f": the default of {held.cause}"
    if held.kind.startswith("stream"):
        text += f"; it cannot be opened again ({held.again})" if held.again else "; it could be opened again"
    return text + (session or ("; its session still answers" if held.kind.startswith("stream") else ""))


def values(held: list[Held], door: Door) -> dict[str, Any]:
    """The result as JSON."""
    return {
        "schema": 1,
        "command": "idle",
        "target": {
            "url": redact.url(door.url),
            "protocol": door.found.protocol,
            "server": {"name": door.found.server_name, "version": door.found.server_version},
        },
        "held": [{**msgspec.to_builtins(one), "harmful": one.harmful} for one in held],
        "exit_code": exit_code(held),
    }
