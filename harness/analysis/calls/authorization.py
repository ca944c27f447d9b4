"""The cost of authorization: calls that were refused with 401 or 403, and the tokens that were asked for beside the load.

Definitions. Unauthorized: rows with that outcome, those of the protocol (`initialize`, ...) included; after the warm-up, like all
totals. Tokens, and how long they took, are of the conductor, over the whole run: the load waited for none of them, since a
token is renewed before it ends.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from harness.analysis.calls.calls import Calls
from harness.mcp import outcome
from harness.run_directory.results import Authorization


def measure(calls: Calls, target: Mapping[str, Any]) -> Authorization | UnsetType:
    """The value of `authorization` in the summary; it is not there where nobody was asked who he is."""
    auth = target.get("auth") or {}
    refused = calls.of_outcome(outcome.UNAUTHORIZED)
    if not (auth or refused):
        return UNSET
    return Authorization(
        source=auth.get("source"),
        unauthorized=refused,
        tokens=auth.get("tokens") or 0,
        token_failures=auth.get("failed") or 0,
        renewed_after_refusal=auth.get("refused") or 0,
        token_ms_mean=auth.get("took_ms_mean"),
        token_ms_max=auth.get("took_ms_max"),
        token_lives_s=auth.get("lives_s"),
    )
