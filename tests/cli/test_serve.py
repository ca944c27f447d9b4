"""`harness serve`: its options are the target's settings, and what cannot work is told before anything starts."""

import pytest
from click.testing import CliRunner

from harness.cli.serve import command
from harness.foundation.errors import UsageError
from harness.reference.flags import FLAGS, option


def test_every_setting_of_the_target_is_an_option_with_a_word_about_it() -> None:
    """Nobody has to read the code to find out what can be set."""
    page = CliRunner().invoke(command, ["--help"]).output

    assert [name for name in FLAGS if option(name) not in page] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--pool-max", "0"], "pool of 0 to 0|cannot work"),
        (["--rate-limit", "-1"], "must be 0 or more"),
        (["--rate-limit", "inf"], "and finite"),
        (["--max-in-flight", "-1"], "must be 0 or more"),
        (["--record-ttl", "0"], "not positive"),
        (["--schema", "No"], "cannot name"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_a_database_is_started(
    arguments: list[str], words: str
) -> None:
    """A UsageError: exit 2, and nothing to clean up."""
    with pytest.raises(UsageError, match=words):
        CliRunner().invoke(command, arguments, standalone_mode=False, catch_exceptions=False)
