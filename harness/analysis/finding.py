"""A finding: one reason of a verdict, and what follows from it. Checks return a list of them; `verdict` merges.

*Unknown* comes before *fail*: what was measured badly is not known to be a failure. A finding that is *certain* does not
depend on any measurement (acknowledged work that is gone, a server that ended by itself): it fails the run, whatever
else cannot be told.
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
