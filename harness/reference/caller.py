"""The caller of a request, in a context variable: all code that works for the request can read it.

A door sets it first (`acting`); tasks that the request starts inherit it, and it ends with the request.
Permissions are ordered: a caller that may write may also read.

    read-only   tools that read
    basic       tools that write, and tasks
    admin       clients, and what belongs to others

With authentication off every caller is ANYBODY, who may do everything: the service then answers to loopback
only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final

READ_ONLY, BASIC, ADMIN = "read-only", "basic", "admin"
PERMISSIONS: Final = (READ_ONLY, BASIC, ADMIN)


class ForbiddenError(Exception):
    """The caller may not do that."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request; `client` is the id of a registered client, None without authentication."""

    name: str = "anybody"  # in its own words, for people to read
    permission: str = ADMIN
    client: str | None = None
    session: str | None = None
    address: str = ""  # its network address, which it cannot choose freely

    @property
    def limited_as(self) -> str:
        """The key for limits: the client when it is known, else its address, as a name is easily changed."""
        return f"client:{self.client}" if self.client is not None else f"address:{self.address}"

    @property
    def key(self) -> str:
        """The key for turns and ownership: the client when it is known, else its session, else its name."""
        if self.client is not None:
            return f"client:{self.client}"
        return f"session:{self.session}" if self.session is not None else f"name:{self.name}"

    def may(self, permission: str) -> bool:
        return PERMISSIONS.index(self.permission) >= PERMISSIONS.index(permission)

    def must(self, permission: str) -> None:
        if not self.may(permission):
            raise ForbiddenError(
                f"This needs the permission {permission}; {self.name} has {self.permission}."
            )


ANYBODY: Final = Caller()
_caller: ContextVar[Caller] = ContextVar("caller", default=ANYBODY)

current = _caller.get


@contextmanager
def acting(caller: Caller) -> Iterator[None]:
    """Do all that the body does for this caller."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def within(session: str) -> Caller:
    """Return the present caller, in this session."""
    return replace(current(), session=session)
