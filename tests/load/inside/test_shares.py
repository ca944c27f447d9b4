"""What Locust's dispatcher does with a level, as our master uses it: the workers' shares are the whole, always."""

from hypothesis import given, settings
from hypothesis import strategies as st
from locust import User
from locust.dispatch import UsersDispatcher
from locust.runners import WorkerNode


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 12),
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.lists(st.integers(0, 120), min_size=1, max_size=6),
)
def test_shares_sum_to_the_level_and_on_the_way_up_differ_by_one_at_most(
    workers: int, weights: list[int], levels: list[int]
) -> None:
    """In whatever order, for any number of workers and any mix of classes; Locust does not even out what went down."""
    classes = [
        type(f"Kind{number}", (User,), {"weight": weight, "abstract": False})
        for number, weight in enumerate(weights)
    ]
    dispatcher = UsersDispatcher([WorkerNode(f"host_{number}") for number in range(workers)], classes)
    before = 0
    for level in levels:
        # The master asks for all of them at once.
        dispatcher.new_dispatch(level, spawn_rate=max(level, before, 1))
        for shares in dispatcher:
            totals = [sum(share.values()) for share in shares.values()]
        before = level

        assert sum(totals) == level
        assert max(totals) - min(totals) <= 1 or levels != sorted(levels)
