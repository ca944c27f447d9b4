"""Asks the server before `harness init` writes: its protocol, and which example arguments its read-only tools accept."""

import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from harness.client.preflight import preflight
from harness.foundation.errors import HarnessError, TargetUnreachableError
from harness.foundation.untrusted.documents import DocumentError, yaml_value
from harness.foundation.untrusted.printable import printable
from harness.mcp import stdio_address
from harness.mcp.json_object import JsonObject
from harness.scenario.read import scenario_of

TOOLS_MOST: Final = 20  # in the scenario that is written
CALL_S: Final = 10.0
REASON_CHARS: Final = 160
NAME_CHARS: Final = 100
ALONE: Final = {"name": "alone", "target": {"url": "http://127.0.0.1:1/mcp"}, "load": [{"name": "steady", "sustain": {"users": 1, "for": "10s"}}]}  # fmt: skip
ENTRY_CHARS: Final = 10_000  # of a call in a file that people read


@dataclass(frozen=True, slots=True)
class Trial:
    """The server, the calls that worked, and the tools whose arguments the user must fill in."""

    protocol: str
    name: str
    works: tuple[JsonObject, ...] = ()  # entries of a workload
    left_out: Mapping[str, str] = field(default_factory=dict)  # tool -> why


def tried(
    url: str, command: Sequence[str], protocol: str, headers: Mapping[str, str], allowed: tuple[str, ...]
) -> Trial:
    """Look at the server, and call each of its read-only tools once."""
    return asyncio.run(_tried(url, command, protocol, headers, allowed))


def stays_the_same(entry: Mapping[str, Any]) -> bool:
    """Whether a call reads back from a scenario as it was written: no template, no reference, nothing that YAML has not."""
    written = json.dumps(entry, ensure_ascii=False)
    if (
        "${" in written
        or "{{" in written
        or len(written) > ENTRY_CHARS
        or not str(entry["call"]).isprintable()
    ):
        return False
    try:
        read = yaml_value(yaml.safe_dump(entry, allow_unicode=True))
        scenario_of(ALONE | {"workload": [read]}, "a file")
    except (DocumentError, HarnessError, RecursionError):
        return False
    return bool(read == entry)


async def _tried(
    url: str, command: Sequence[str], protocol: str, headers: Mapping[str, str], allowed: tuple[str, ...]
) -> Trial:
    from harness.conduct.setup.vetted_addresses import looked_up
    from harness.foundation.addresses import resolved
    from harness.foundation.addresses.address import read
    from harness.foundation.addresses.judging import Wanted
    from harness.load.address import credentials, doors
    from harness.services.cleanup.janitor_process import watching

    async with AsyncExitStack() as stack:
        if command:
            place = stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-init-"))
            await stack.enter_async_context(watching(Path(place) / "undo.jsonl"))
            return await _calls(stdio_address.address(list(command)), protocol, {}, 90.0)
        places = doors(url, protocol)
        asked = places.ws_url if protocol == "websocket" else places.mcp_url
        wanted = Wanted(
            read(asked, ("http", "https", "ws", "wss")), purpose="This goes", absent=TargetUnreachableError
        )
        stack.enter_context(resolved.in_force(await looked_up([wanted], allowed)))
        return await _calls(asked, protocol, credentials(url) | dict(headers), 10.0)


async def _calls(asked: str, protocol: str, headers: Mapping[str, str], within_s: float) -> Trial:
    from harness.client.trial_calls import WRITES
    from harness.conduct.setup.call_all import tried_once

    discovered = await preflight(asked, protocol, headers=headers, timeout_s=within_s)
    tried = await tried_once(
        asked, discovered, headers=headers, timeout_s=max(CALL_S, within_s), seed=0, only_tools=True
    )
    works: list[JsonObject] = []
    left_out = dict(discovered.refused)
    for one in tried:
        name = one.offered.name
        calls = [{"call": name, "args": dict(arguments)} for arguments in one.examples]
        fit = [call for call in calls if stays_the_same(call)]
        if fit and len(works) < TOOLS_MOST:
            works.append(fit[0])
        else:
            why = "it may write: it is not annotated as read-only" if one.left_out == WRITES else one.left_out
            left_out[name] = why or "it is one too many, or would mean something else in a file"
    left_out = {printable(tool, NAME_CHARS): printable(why, REASON_CHARS) for tool, why in left_out.items()}
    name = f"{discovered.server_name or 'a server without a name'} {discovered.server_version or ''}".strip()
    return Trial(discovered.protocol, printable(name, NAME_CHARS), tuple(works), left_out)
