"""Whose fault an error is, and what to do about it.

Every error that a user can meet is one of these: three short lines (what, why, what to do) and an exit
code. Anything else that is raised is a bug of ours: exit 70.

When several codes apply, `worst` picks by the order that the command contract fixes.
"""

from pathlib import Path

PASSED, FAILED, USAGE, UNKNOWN = 0, 1, 2, 3
TARGET_UNREACHABLE, FAULT_BACKEND_UNREACHABLE, FAULTS_LEFT_OVER = 4, 5, 6
ONLY_P2_FAILED, INTERNAL, INTERRUPTED = 8, 70, 130

PRECEDENCE = (
    INTERRUPTED,
    FAULTS_LEFT_OVER,
    INTERNAL,
    FAULT_BACKEND_UNREACHABLE,
    TARGET_UNREACHABLE,
    USAGE,
    UNKNOWN,
    FAILED,
    ONLY_P2_FAILED,
    PASSED,
)


class HarnessError(Exception):
    """An error that a user can meet: what went wrong, why, what to do. Subclasses say whose fault it is."""

    exit_code = INTERNAL

    def __init__(self, what: str, why: str = "", todo: str = "", log: Path | None = None) -> None:
        super().__init__(what, why, todo, log)
        self.what, self.why = what, why
        self._todo, self._log = todo, log

    @property
    def todo(self) -> str:
        """The advice to the user; it names the log, as long as that file exists."""
        if self._log is None or not self._log.is_file():
            return self._todo
        return f"{self._todo} (see {self._log})" if self._todo else f"See {self._log}"

    def said_as(self, kind: "type[HarnessError]") -> "HarnessError":
        """The same error text as an error of another class, with that class's exit code."""
        return kind(self.what, self.why, self._todo, self._log)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        return [line for line in (self.what, self.why, self.todo) if line]


class UsageError(HarnessError):
    """The user asked for something that cannot be done as asked."""

    exit_code = USAGE


class TargetUnreachableError(HarnessError):
    """The server under test does not answer."""

    exit_code = TARGET_UNREACHABLE


class TargetNotStartedError(TargetUnreachableError):
    """The command that starts the server under test has ended, or it does not answer: its log says more."""


class FaultBackendUnreachableError(HarnessError):
    """A fault was asked for and what applies it is not there."""

    exit_code = FAULT_BACKEND_UNREACHABLE


class FaultsLeftOverError(HarnessError):
    """A fault could not be healed: the error says how to do it by hand."""

    exit_code = FAULTS_LEFT_OVER


class UntrustedError(HarnessError):
    """The measurement was made, but cannot be trusted."""

    exit_code = UNKNOWN


class NoRoomError(UntrustedError):
    """There is no room left for measurements (disk, quota, file limit, memory), or their place is gone."""


class ServiceError(HarnessError):
    """A part that the harness starts itself was used wrongly by us."""

    exit_code = INTERNAL


class PartGoneError(ServiceError):
    """A part was ended by somebody else, or did not start: no bug, and nothing that could be measured without it."""

    exit_code = UNKNOWN


class TargetPartError(ServiceError):
    """The reference target did not start, for want of its database or for another reason: the server under test is not there."""

    exit_code = TARGET_UNREACHABLE


class ToxiproxyPartError(ServiceError):
    """A Toxiproxy of ours did not start."""

    exit_code = FAULT_BACKEND_UNREACHABLE


_PARTS = (("target", TargetPartError), ("toxiproxy", ToxiproxyPartError))


def not_started(returncode: int | None, part: str) -> type[ServiceError]:
    """The error for a part that ended with this code before it was ready, or did not get ready in time (None)."""
    if returncode is not None and returncode < 0:
        return PartGoneError
    return next((kind for name, kind in _PARTS if part.partition("-")[0] == name), PartGoneError)


def worst(*codes: int) -> int:
    """The exit code to end with when several apply."""
    return next((code for code in PRECEDENCE if code in codes), INTERNAL)
