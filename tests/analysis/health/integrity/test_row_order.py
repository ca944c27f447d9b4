"""Whose a session is: one user's, or that of those who share a process."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.analysis.health.integrity.files import Record
from harness.analysis.health.integrity.row_order import _owned, _sharing


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        (None, ["2 sessions are those of two users"]),
        ({"target": None}, ["2 sessions are those of two users"]),
        ({"target": {"users_per_process": "many"}}, ["2 sessions are those of two users"]),
        ({"target": {"users_per_process": 2}}, ["1 session is that of more than 2 users"]),
        ({"target": {"users_per_process": 3}}, []),
    ],
)
def test_a_session_has_no_more_users_than_share_a_process(
    scenario: dict[str, Any] | None, said: list[str]
) -> None:
    """Session 1 has two users, session 2 three, session 3 one; 0 is none."""
    record = Record(rows=pd.DataFrame(), events=[], metadata=None, plan=None, scenario=scenario)
    session = np.array([0, 1, 2, 2, 1, 3, 2, 0, 1], dtype=np.int64)
    user = np.array([5, 0, 1, 2, 3, 4, 3, 6, 0], dtype=np.int64)

    assert list(_owned(user, session, _sharing(record))) == said
