"""A task, and its states.

pending --> running --> completed
              |   \\---> failed        it cannot be done, or was tried ATTEMPTS_MAX times
              \\---> running          another attempt, when its worker has died
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

PENDING, RUNNING, COMPLETED, FAILED = "pending", "running", "completed", "failed"
ATTEMPTS_MAX: Final = 5


class TasksUnreachableError(Exception):
    """The table of tasks does not answer."""


class QueueUnreachableError(Exception):
    """The broker does not answer."""


class BadTaskError(ValueError):
    """The task is invalid."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a task's status."""

    status: str
    attempt: int
    worker: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it may be shown."""

    id: str
    kind: str
    arguments: Mapping[str, Any]
    owner: str
    status: str
    attempt: int
    created_at: datetime
    finished_at: datetime | None
    result: Any
    error: str | None
    history: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task that a worker has claimed; `attempt` distinguishes it from a later claim."""

    id: str
    kind: str
    arguments: Mapping[str, Any]
    attempt: int
    worker: str
