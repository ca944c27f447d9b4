"""Golden files: what is produced now against what was looked at and found good.

pytest --update-golden      writes them anew; read the difference before it is committed
"""

from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"


def check(name: str, produced: str, config: pytest.Config) -> None:
    """The same text as in tests/golden."""
    path = GOLDEN / name
    if config.getoption("--update-golden"):
        path.write_text(produced, encoding="utf-8")
    assert produced == path.read_text(encoding="utf-8"), f"{name} differs; see --update-golden"
