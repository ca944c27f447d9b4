"""Shows a finished run: as a table, one JSON object, or any other format."""

import os

import click

from harness.report.markdown import markdown, publish
from harness.report.reading import Reading
from harness.report.registry import FORMATS
from harness.run_directory.results import codec


def show(reading: Reading, name: str = "terminal") -> None:
    """Print a run in this format."""
    click.echo(
        codec.one_line(reading.summary) if name == "json" else FORMATS[name](reading),
        nl=name in {"terminal", "json"},
    )


def publish_to_ci(reading: Reading) -> None:
    """Write the run as Markdown to the summary page of the CI job, if there is one."""
    put_on_page(markdown(reading))


def put_on_page(text: str) -> None:
    """Write to the summary page of the CI job; an error is reported, and changes nothing else."""
    try:
        publish(text, os.environ)
    except OSError as error:
        click.echo(f"The summary page of the CI job was not written: {error.strerror or error}", err=True)
