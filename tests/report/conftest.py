"""What tests of reports share."""

import pytest

from harness.report import writing
from harness.report.charts import CHARTS


@pytest.fixture
def few_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports have two of their charts, as they are: all seven take more than a second to draw."""
    monkeypatch.setattr(writing, "CHARTS", {name: CHARTS[name] for name in ("throughput", "heat")})
