"""Is what was written there? By the tools that verify.yaml declares."""

from collections.abc import Callable

import pytest

from harness.verify.finding import skip
from harness.verify.target import Target
from harness.verify.writing import Writing

pytestmark = pytest.mark.data


def test_what_one_client_wrote_another_can_read(
    target: Target, writing: Writing, eventually: Callable[..., object]
) -> None:
    """Acknowledged, and there; the other client has another session, where there are any."""
    if target.spec.read is None:
        skip("nobody has said how it is read", "verify.yaml: read {call, args}")
    door = target.with_sessions()
    name_of = door.name if door else None
    with target.client(name_of) as client, target.client(name_of) as other:
        name = writing.write(client)
        within_s = target.spec.limits.visible
        eventually(lambda: writing.is_read(other, name), f"{name} is read by another client", within_s)
