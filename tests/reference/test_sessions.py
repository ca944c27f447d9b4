"""Types of clients, by what they call themselves."""

import pytest

from harness.reference.sessions import CLIENTS_LISTED, Usage, new_id, statistics_of, type_of


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("claude-desktop", "desktop"),
        ("Claude Desktop", "desktop"),
        ("claude-code", "code"),
        ("Visual Studio Code", "code"),
        ("cursor-vscode", "code"),
        ("curl", "http"),
        ("python-httpx", "http"),
        ("", "http"),
    ],
)
def test_type_follows_from_the_name(name, kind):
    """An application with a window, an editor or agent, or anything else."""
    assert type_of(name) == kind


def test_statistics_list_the_busiest_clients_and_count_all():
    """The list is bounded, the totals are not."""
    usages = [Usage(f"c{number}", "http", 1, number) for number in range(CLIENTS_LISTED + 5)]
    statistics = statistics_of(7, usages)

    assert (statistics.open, statistics.total, statistics.unique_clients) == (7, 105, 105)
    assert statistics.requests == sum(range(105))
    assert [usage.requests for usage in statistics.clients] == list(range(104, 4, -1))


def test_ids_are_128_random_bits():
    """Not to be guessed, printable."""
    assert len({new_id() for _ in range(100)}) == 100
    assert len(bytes.fromhex(new_id())) == 16
