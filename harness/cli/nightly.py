"""`harness nightly`: run a scenario file, and compare it with its last run on this machine."""

from pathlib import Path
from typing import Any

import click

from harness.cli.options import scenario_data, shared
from harness.cli.sections import Sectioned

DEFAULT = Path("scenarios") / "nightly.yaml"


@click.command(cls=Sectioned)
@click.argument("scenario", type=click.Path(path_type=Path), required=False)
@shared
def command(scenario: Path | None, **given: Any) -> int:
    """Run SCENARIO [default: scenarios/nightly.yaml], and compare it with its last run on this machine.

    The exit code is that of the run itself: the comparison only describes. nightly.md and nightly.json
    in the run directory hold the comparison; in a CI job it is on the summary page, too.

    \b
    harness nightly
    harness nightly scenarios/smoke.yaml --url http://127.0.0.1:8000/mcp
    """
    from harness.cli.conducting import made
    from harness.cli.showing import publish_to_ci, put_on_page, show
    from harness.foundation.errors import INTERRUPTED, UNKNOWN, worst
    from harness.history import night
    from harness.scenario.read import read_file

    path = scenario or default_path()
    finished = made("nightly", scenario_data(given, read_file(path)), given, source=str(path))
    if finished.reading is None:
        return INTERRUPTED
    show(finished.reading, "json" if given["as_json"] else "terminal")
    publish_to_ci(finished.reading)
    beside = night.write(finished.reading, given["out"])
    put_on_page(beside.markdown())
    click.echo(f"\n{beside.text()}", err=given["as_json"])
    if beside.unwritten:
        click.echo(f"nightly.md and nightly.json were not written: {beside.unwritten}", err=True)
        return worst(finished.exit_code, UNKNOWN)
    return finished.exit_code


def default_path() -> Path:
    """Return the user's own nightly scenario, else the one in the wheel or the checkout."""
    package = Path(__file__).parents[1]
    carried = (package / "workspace" / DEFAULT, package.parent / DEFAULT)
    return next((path for path in (DEFAULT, *carried) if path.is_file()), DEFAULT)
