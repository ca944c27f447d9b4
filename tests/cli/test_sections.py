"""The sections of a load command's help."""

import re

import click
import pytest

from harness.cli.main import COMMANDS, cli
from harness.cli.sections import SECTIONS, Sectioned

LOADS = [name for name in COMMANDS if isinstance(cli.get_command(click.Context(cli), name), Sectioned)]


@pytest.mark.parametrize("name", LOADS)
def test_every_option_is_in_the_help_once(name: str) -> None:
    """None is lost between the sections, none is in two."""
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, Sectioned)
    context = click.Context(command)
    page = command.get_help(context)

    declared = sorted(
        param.opts[0]
        for param in command.get_params(context)
        if isinstance(param, click.Option) and not param.hidden
    )
    listed = re.findall(r"^  (-{1,2}[a-zA-Z][\w-]*)", page, re.MULTILINE)
    assert sorted(listed) == declared
    assert [title for title in SECTIONS if f"\n{title}:" in page] == list(SECTIONS)


def test_no_section_names_an_option_that_is_not_there() -> None:
    """A renamed option would fall out of its section silently."""
    commands = [cli.get_command(click.Context(cli), name) for name in LOADS]
    declared = {
        param.name
        for each in commands
        if each
        for param in each.get_params(click.Context(each))
        if param.name
    }
    assert frozenset().union(*SECTIONS.values()) <= declared


def test_all_commands_that_make_a_load_have_sections() -> None:
    """They share thirty options."""
    assert set(LOADS) >= {"ramp", "sustain", "rate", "bench", "suite", "run", "chaos", "nightly"}
