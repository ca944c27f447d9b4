"""What tests of `harness verify` share: they call its checks, which have marks of their own."""

import pytest

from harness.verify.finding import CATEGORIES


def pytest_configure(config: pytest.Config) -> None:
    """As the plug-in of the checks does."""
    for name, about in CATEGORIES.items():
        config.addinivalue_line("markers", f"{name}: {about}")
    config.addinivalue_line("markers", "http: needs HTTP")
