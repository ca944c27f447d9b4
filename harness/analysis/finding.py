"""A finding: one reason for a verdict, and its consequence. Checks return them; `verdict` merges them.

*Unknown* comes before *fail*, because a bad measurement cannot show a failure. A *certain* finding needs no
measurement (acknowledged work is gone, the server ended by itself): it fails the run, even if other things
are unknown.
"""

from dataclasses import dataclass

from harness.foundation import errors
from harness.run_directory.results.summary import Outcome


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason for a verdict, and its consequence."""

    outcome: Outcome
    reason: str
    exit_code: int
    certain: bool = False


def unknown(reason: str, exit_code: int = errors.UNKNOWN) -> list[Finding]:
    """A finding that makes the verdict unknown."""
    return [Finding("unknown", reason, exit_code)]


def certain(reason: str) -> list[Finding]:
    """A finding that fails the run whatever else cannot be told."""
    return [Finding("fail", reason, errors.FAILED, certain=True)]
