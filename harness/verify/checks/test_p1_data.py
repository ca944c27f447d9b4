"""Is what was written there? By the tools that verify.yaml declares."""

from collections.abc import Callable

import pytest

from harness.verify.finding import skip
from harness.verify.target import Target
from harness.verify.writing import Writing

pytestmark = pytest.mark.data
AT_ONCE = 20


@pytest.mark.http
def test_what_one_client_wrote_another_can_read(
    target: Target, writing: Writing, eventually: Callable[..., object]
) -> None:
    """Acknowledged, and there; the other client has another session, where there are any."""
    if target.spec.read is None:
        skip("verify.yaml does not say how to read a write back", "verify.yaml: read {call, args}")
    door = target.with_sessions()
    name_of = door.name if door else None
    with target.client(name_of) as client, target.client(name_of) as other:
        name = writing.write(client)
        within_s = target.spec.limits.visible
        eventually(lambda: writing.is_read(other, name), f"{name} is read by another client", within_s)


@pytest.mark.http
def test_what_many_wrote_at_once_is_all_there(
    target: Target, writing: Writing, eventually: Callable[..., object]
) -> None:
    """Twenty writes of one moment: whoever reads, changes and writes back without a lock loses some of them."""
    if target.spec.read is None:
        skip("verify.yaml does not say how to read a write back", "verify.yaml: read {call, args}")
    door = target.with_sessions() or target.newest()
    if door is None:
        skip("it has no door that works", "see the check that it speaks MCP")
    names = writing.write_at_once(door.name, AT_ONCE)
    missing = list(names)
    with target.client(door.name) as client:

        def all_there() -> bool:
            missing[:] = [name for name in missing if not writing.is_read(client, name)]
            return not missing

        eventually(
            all_there,
            f"{len(names)} writes that were acknowledged at the same time are all there",
            target.spec.limits.visible,
            state=lambda: f"{len(missing)} of them are not",
        )
