"""The directory of one verification: DIR/verify/<UTC time>-<short id>/, for its owner alone; `latest` beside it is the newest."""

from datetime import datetime
from pathlib import Path

from harness.foundation.secrets.hiding import hide_in
from harness.foundation.untrusted.printable import as_json
from harness.run_directory.directory import create_plain, point_latest, write_whole
from harness.verify.results.ctrf import ctrf
from harness.verify.results.html import html
from harness.verify.results.junit import junit
from harness.verify.results.markdown import markdown
from harness.verify.results.suite import SuiteResult


def create(root: Path, started_at: datetime) -> Path:
    """A new one."""
    return create_plain(root, "verify", started_at)


def write(place: Path, suite: SuiteResult) -> None:
    """All formats."""
    texts = {
        "results.json": as_json(hide_in(ctrf(suite)), indent=2) + "\n",
        "junit.xml": junit(suite),
        "summary.md": markdown(suite),
        "report.html": html(suite),
    }
    for name, text in texts.items():
        write_whole(place / name, text)
        (place / name).chmod(0o600)
    point_latest(place)
