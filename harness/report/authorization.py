"""What authorization cost, and what was not checked, in sentences."""

from msgspec import UnsetType

from harness.analysis.statistics.rounding import show
from harness.foundation.units import show_duration
from harness.run_directory.results import Summary

INSECURE = "Certificates were NOT CHECKED (--insecure): whoever stood between the harness and the server could have answered in its place"


def authorization(summary: Summary) -> str:
    """Return how many calls were refused, and what tokens took; nothing where nobody was asked who he is."""
    auth = summary.authorization
    if isinstance(auth, UnsetType):
        return ""
    refused = f"{auth.unauthorized:,} {'call' if auth.unauthorized == 1 else 'calls'} refused with 401 or 403"
    if auth.source is None:
        return f"{refused}; no credentials were given that could be renewed"
    took = ""
    if auth.token_ms_max:
        took = f" in {show(auth.token_ms_mean, 'ms')} on average (at most {show(auth.token_ms_max, 'ms')})"
    valid = f", the last valid for {show_duration(auth.token_lives_s)}" if auth.token_lives_s else ""
    failed = f"; {auth.token_failures:,} attempts brought none" if auth.token_failures else ""
    again = (
        f"; {auth.renewed_after_refusal:,} renewed because calls were refused"
        if auth.renewed_after_refusal
        else ""
    )
    tokens = f"{auth.tokens:,} {'token' if auth.tokens == 1 else 'tokens'}"
    return f"{auth.source}: {tokens}{took}{valid}{failed}{again}; {refused}"


def certificates(summary: Summary) -> str:
    """Return the warning of a run that trusted anybody."""
    return INSECURE if summary.target.insecure is True else ""
