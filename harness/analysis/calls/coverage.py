"""The coverage of a run: for each tool, resource, template and prompt of the server, how often it was called and how it answered.

Definitions. Calls, ok and failed are those of the load, by the name of the operation. Refused for its arguments: a failed call whose
answer says so (harness.mcp.argument_refusal), which is a mistake of who calls. What was tried before the load and
failed is left out of it: its reason is the answer to that.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import UNSET, UnsetType

from harness.analysis.calls.calls import FAILED, OK, Calls
from harness.mcp.argument_refusal import refused_arguments
from harness.mcp.operations import NAME_CHARS
from harness.run_directory.results import Covered


def measure(calls: Calls, offered: Sequence[Mapping[str, Any]] | None) -> tuple[Covered, ...] | UnsetType:
    """The value of `coverage` in the summary; it is not there where only some calls were asked for."""
    if offered is None:
        return UNSET
    place = {name[:NAME_CHARS]: number for number, name in enumerate(calls.names["operation"])}
    refused = _refused(calls)
    covered = []
    for one in offered:
        number = place.get(str(one["operation"])[:NAME_CHARS])
        there = np.zeros(len(calls), dtype=bool) if number is None else calls.operation == number
        covered.append(
            Covered(
                kind=one["kind"],
                name=one["name"],
                calls=int(there.sum()),
                ok=int((there & (calls.kind == OK)).sum()),
                failed=int((there & (calls.kind == FAILED)).sum()),
                refused_arguments=int((there & refused).sum()),
                left_out=one["left_out"] or None,
            )
        )
    return tuple(covered)


def _refused(calls: Calls) -> Any:
    """Which calls were refused for their arguments; each different answer is judged once."""
    failed = calls.kind == FAILED
    refused = np.zeros(len(calls), dtype=bool)
    pairs = np.unique(np.stack([calls.outcome[failed], calls.detail[failed]]), axis=1)
    for ended, detail in pairs.T:
        if refused_arguments(calls.names["outcome"][ended], None, calls.names["detail"][detail]):
            refused |= failed & (calls.outcome == ended) & (calls.detail == detail)
    return refused
