"""What a file of `harness history export` is not."""

from pathlib import Path

import pytest

from harness.foundation.errors import UsageError
from harness.history import exchange


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("path", "why"), [("/dev/zero", "longer than 16 MB"), ("/dev/urandom", "of its lines are no runs")]
)
def test_what_has_no_end_is_given_up(path: str, why: str) -> None:
    """A device, or a pipe that never ends: not when memory is used up."""
    with pytest.raises(UsageError, match="is no file of `harness history export`") as raised:
        list(exchange.batches(Path(path), []))

    assert why in " ".join(raised.value.lines())
