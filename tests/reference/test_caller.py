"""Who makes a request, and what it may do."""

import asyncio

import pytest

from harness.reference.caller import (
    ADMIN,
    ANYBODY,
    BASIC,
    PERMISSIONS,
    READ_ONLY,
    Caller,
    ForbiddenError,
    acting,
    current,
    within,
)


@pytest.mark.parametrize(
    ("has", "may"),
    [(READ_ONLY, [READ_ONLY]), (BASIC, [READ_ONLY, BASIC]), (ADMIN, [READ_ONLY, BASIC, ADMIN])],
)
def test_permissions_are_steps(has, may):
    """Each permission includes those below it, and no other; what is not allowed says what is missing."""
    caller = Caller("me", has)

    assert [permission for permission in PERMISSIONS if caller.may(permission)] == may
    for permission in set(PERMISSIONS) - set(may):
        with pytest.raises(ForbiddenError, match=f"needs the permission {permission}; me has {has}"):
            caller.must(permission)


@pytest.mark.parametrize(
    ("caller", "key"),
    [
        (Caller("n", client="c", session="s"), "client:c"),
        (Caller("n", session="s"), "session:s"),
        (Caller("n"), "name:n"),
    ],
)
def test_a_caller_is_told_apart_by_the_surest_mark(caller, key):
    """Registered client before session before the name that anybody can claim."""
    assert caller.key == key


@pytest.mark.parametrize(
    ("caller", "limited_as"),
    [
        (Caller("n", client="c", session="s", address="192.0.2.1"), "client:c"),
        (Caller("n", session="s", address="192.0.2.1"), "address:192.0.2.1"),
        (Caller("other", address="192.0.2.1"), "address:192.0.2.1"),
    ],
)
def test_limits_go_by_what_a_caller_cannot_choose(caller, limited_as):
    """The client whose key it is, else the address: never a name or a session."""
    assert caller.limited_as == limited_as


async def test_the_caller_goes_with_the_request_and_ends_with_it():
    """Tasks inherit it, others at the same time have their own, and afterwards it is anybody again."""

    async def story(name):
        with acting(Caller(name)), acting(within(f"{name}-session")):
            await asyncio.sleep(0)
            return await asyncio.create_task(asked())

    async def asked():
        await asyncio.sleep(0)
        return current().name, current().session

    told = await asyncio.gather(*(story(name) for name in "abc"))

    assert told == [("a", "a-session"), ("b", "b-session"), ("c", "c-session")]
    assert current() is ANYBODY
