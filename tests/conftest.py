"""What all tests share: the flag that writes golden files anew, and a real Toxiproxy."""

import pytest

from tests.integration.conftest import toxiproxy_binary

__all__ = ["toxiproxy_binary"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden/* from what is produced now"
    )
