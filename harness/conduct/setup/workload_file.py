"""A scenario file with a call of everything that a server offers, for somebody to edit: `harness discover --out FILE`.

Calls that were tried and worked are entries; what may write, was refused or failed is there, too, as a comment with the reason.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from random import Random
from typing import Any

import yaml

from harness.client.offer import Offered
from harness.client.trial_calls import WRITES, Tried, arguments_of
from harness.foundation.secrets.hiding import hide
from harness.foundation.untrusted.printable import printable
from harness.mcp.schemas.learnt import Learnt
from harness.mcp.schemas.values import NoValueError

NAME_CHARS = 120
REASON_CHARS = 200


def text(
    path: str,
    name: str,
    server: str,
    target: Mapping[str, Any],
    tried: Sequence[Tried],
) -> str:
    """The whole file."""
    entries = [_entry(one) for one in tried]
    called = any(not line.startswith("  #") for lines in entries for line in lines)
    lines = [
        f"# A workload for {printable(server, NAME_CHARS)}, written by `harness discover`. Run it with: harness run {path}",
        "# Every call that is not a comment was tried once, and worked. docs/scenarios.md says what else can stand here.",
        *_dumped({"name": name, "target": dict(target)}),
        "think: false # users call again as soon as they have an answer",
        "workload:",
        *(line for lines in entries for line in lines),
        *(["  - list: tools # nothing else could be called"] if not called else []),
        "load:",
        "  - name: steady",
        "    sustain: {users: 5, for: 30s}",
        "objectives:",
        "  - success_rate >= 99%",
        "  # - p95 < 500ms",
    ]
    return hide("\n".join(lines) + "\n")


def _dumped(value: Any) -> list[str]:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1_000).splitlines()


def _entry(one: Tried) -> list[str]:
    """The lines of one entry; as a comment when the load is not to make this call."""
    if not one.left_out:
        value = _as_entry(one.offered, one.examples[0])
        if not _has_templates(value):
            return [f"  {line}" for line in _dumped([value])]
        return _comment("its arguments look like templates", value)
    why = (
        "it may write, and was not tried" if one.left_out == WRITES else printable(one.left_out, REASON_CHARS)
    )
    try:
        made = list(islice(arguments_of(one.offered, Random(0), Learnt()), 1))
    except NoValueError:
        made = []
    return _comment(why, _as_entry(one.offered, made[0] if made else {}))


def _comment(why: str, value: Mapping[str, Any]) -> list[str]:
    return [f"  # {printable(line, None)}" for line in (f"{why}:", *_dumped([value]))]


def _as_entry(one: Offered, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    if one.kind in {"resource", "template"}:
        return {"read": arguments.get("uri", one.name)}
    key = "prompt" if one.kind == "prompt" else "call"
    return {key: one.name} | ({"args": dict(arguments)} if arguments else {})


def _has_templates(value: Any) -> bool:
    shown = str(value)
    return "{{" in shown or "${" in shown
