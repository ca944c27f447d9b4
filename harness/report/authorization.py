"""What authorization cost, and what was not checked, in sentences."""

from msgspec import UnsetType

from harness.analysis.statistics.rounding import show
from harness.foundation.units import show_duration
from harness.run_directory.results import Summary

INSECURE = "Certificates were NOT CHECKED (--insecure): whoever stood between the harness and the server could have answered in its place"


def authorization(summary: Summary) -> str:
    """Return how many calls were refused, and what tokens took; nothing where nobody was asked who he is."""
    found = summary.authorization
    if isinstance(found, UnsetType):
        return ""
    refused = (
        f"{found.unauthorized:,} {'call' if found.unauthorized == 1 else 'calls'} refused with 401 or 403"
    )
    if found.source is None:
        return f"{refused}; no credentials were given that could be renewed"
    took = ""
    if found.token_ms_max:
        took = f" in {show(found.token_ms_mean, 'ms')} on average (at most {show(found.token_ms_max, 'ms')})"
    valid = f", the last valid for {show_duration(found.token_lives_s)}" if found.token_lives_s else ""
    failed = f"; {found.token_failures:,} attempts brought none" if found.token_failures else ""
    again = (
        f"; {found.renewed_after_refusal:,} renewed because calls were refused"
        if found.renewed_after_refusal
        else ""
    )
    tokens = f"{found.tokens:,} {'token' if found.tokens == 1 else 'tokens'}"
    return f"{found.source}: {tokens}{took}{valid}{failed}{again}; {refused}"


def certificates(summary: Summary) -> str:
    """Return the warning of a run that trusted anybody."""
    return INSECURE if summary.target.insecure is True else ""
