"""What a finished run looks like to whoever asked for it: a table, one JSON object, or any other format."""

import os

import click

from harness.report.markdown import markdown, publish
from harness.report.reading import Reading
from harness.report.registry import FORMATS
from harness.run_directory.results import codec


def show(reading: Reading, name: str = "terminal") -> None:
    """On standard output; a pipe that is closed early is the reader's business."""
    click.echo(
        codec.one_line(reading.summary) if name == "json" else FORMATS[name](reading),
        nl=name in {"terminal", "json"},
    )


def publish_to_ci(reading: Reading) -> None:
    """The Markdown of a run on the summary page of the CI job that made it, if a CI job did."""
    put_on_page(markdown(reading))


def put_on_page(text: str) -> None:
    """It is a copy: one that finds no room is told, and changes nothing."""
    try:
        publish(text, os.environ)
    except OSError as error:
        click.echo(f"The summary page of the CI job was not written: {error.strerror or error}", err=True)
