"""The write that verify.yaml declares, and how what it wrote is found and removed.

Each write has a name of its own where its arguments say `{{unique}}`; how it is removed is registered before it is made.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.foundation.untrusted.printable import printable
from harness.mcp import outcome
from harness.verify.doors import said
from harness.verify.finding import fail
from harness.verify.spec.model import Spec, ToolCall
from harness.verify.target import OpenClient, Target

UNIQUE: Final = "{{unique}}"
ARGUMENTS_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Writing:
    """Write, read, remove, by the tools of one deployment."""

    _spec: Spec = field(repr=False)
    _target: Target = field(repr=False)
    _unique: Callable[[str], str]
    _cleanup: Callable[[Callable[[], object]], None]

    @property
    def tool(self) -> str:
        return self._write().call

    def write(self, client: OpenClient) -> str:
        """Something new; its name. It is a failure when it is not acknowledged."""
        name, tool = self._unique("entry"), self._write()
        if (removing := self._spec.remove) is not None:
            registered(self._target, self._cleanup, removing.call, filled_in(removing.args, name))
        reply = client.call(tool.call, filled_in(tool.args, name))
        if reply.outcome != outcome.OK:
            fail(f"{tool.call} ended with {said(reply)}")
        return name

    def write_at_once(self, door: str, many: int) -> list[str]:
        """So many new ones at the same moment, by as many clients; their names, once all are acknowledged."""
        names, tool = [self._unique("entry") for _ in range(many)], self._write()
        if (removing := self._spec.remove) is not None:
            for name in names:
                registered(self._target, self._cleanup, removing.call, filled_in(removing.args, name))
        replies = self._target.called_at_once(door, tool.call, [filled_in(tool.args, name) for name in names])
        if wrong := [reply for reply in replies if reply.outcome != outcome.OK]:
            fail(f"{len(wrong)} of {many} calls of {tool.call} at the same time failed: {said(wrong[0])}")
        return names

    def is_read(self, client: OpenClient, name: str) -> bool:
        """Whether the reading tool tells of it, wherever in its result."""
        reading = self._spec.read
        assert reading is not None
        reply = client.call(reading.call, filled_in(reading.args, name))
        if reply.outcome == outcome.TOOL_ERROR:
            return False  # not found, as some tools say it
        if reply.outcome != outcome.OK:
            fail(f"{reading.call} ended with {said(reply)}")
        return reply.result is not None and name.encode() in bytes(reply.result)

    def _write(self) -> ToolCall:
        assert self._spec.write is not None
        return self._spec.write


def registered(
    target: Target, cleanup: Callable[[Callable[[], object]], None], tool: str, arguments: Mapping[str, Any]
) -> None:
    """How test data are removed, declared before they are made: when the check ends, or else by the janitor."""
    gone = target.announce(tool, arguments)
    cleanup(lambda: _removed(target, tool, arguments, gone))


def _removed(target: Target, tool: str, arguments: Mapping[str, Any], gone: Callable[[], None]) -> None:
    """On a session of its own: the one that wrote may be gone. What was never written need not be there."""
    with target.client() as client:
        reply = client.call(tool, arguments)
    if reply.outcome not in {outcome.OK, outcome.TOOL_ERROR}:
        shown = printable(json.dumps(arguments), ARGUMENTS_CHARS)
        fail(f"{tool} with {shown} ended with {said(reply)}: what it should remove may still be there")
    gone()


def filled_in(value: Any, name: str) -> Any:
    """The same with `{{unique}}` replaced, wherever it stands."""
    if isinstance(value, dict):
        return {filled_in(key, name): filled_in(item, name) for key, item in value.items()}
    if isinstance(value, list):
        return [filled_in(item, name) for item in value]
    return value.replace(UNIQUE, name) if isinstance(value, str) else value
