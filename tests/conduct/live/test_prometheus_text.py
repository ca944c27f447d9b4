"""The page for Prometheus, as text."""

from harness.conduct.live.prometheus_text import Family, family, page
from tests.fakes.exposition import families


def test_a_page_is_families_of_samples() -> None:
    """Of which one without a sample is left out, and a sample that is not known."""
    text = page(
        [
            family(
                "a_total", "counter", "How many.", [({"x": "1", "y": "2"}, 3), ({"x": "2", "y": "2"}, None)]
            ),
            family("nothing", "gauge", "Not known.", [({}, None)]),
            family("b", "gauge", "How much.", [({}, 0.25)]),
        ]
    )

    assert text == (
        '# HELP a_total How many.\n# TYPE a_total counter\na_total{x="1",y="2"} 3\n'
        "# HELP b How much.\n# TYPE b gauge\nb 0.25\n"
    )


def test_names_that_a_server_chose_are_escaped() -> None:
    """Quotes, backslashes and line ends cannot end a label, or make one."""
    nasty = 'a"} 1\nevil{x="\\'
    (one,) = families(page([Family("a", "gauge", "About.", [("", {"tool": nasty}, 1.0)])])).values()

    assert one.value(tool=nasty) == 1


def test_large_counts_stay_whole() -> None:
    """A counter that forgets its last digits would not grow."""
    assert "a_total 123456789012\n" in page([family("a_total", "counter", "Many.", [({}, 123_456_789_012)])])
