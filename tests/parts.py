"""Which tests may start processes: those in `integration` and `e2e`, and those that are marked `parts`.

All others are `make unit`: no service, no child, no browser. A test that starts a process and may not fails, in every
test run, so there is no list to keep. Python tells of each process that it is about to start.
"""

import sys
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FOLDERS = ("integration", "e2e")
STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system"})
STARTED: list[str] = []


def _hear(event: str, _arguments: tuple[object, ...]) -> None:
    if event in STARTS:
        STARTED.append(event)


sys.addaudithook(_hear)


def is_folder(path: Path) -> bool:
    """One whose tests may start processes."""
    return any(path == TESTS / name for name in FOLDERS)


@cache
def is_inside_a_folder(path: Path) -> bool:
    """A file of many tests is looked at once."""
    return any(map(is_folder, path.parents))


def may_start(item: pytest.Item) -> bool:
    """By its folder, or by its mark."""
    return is_inside_a_folder(item.path) or item.get_closest_marker("parts") is not None


def assert_none_started(item: pytest.Item) -> None:
    """Fails a test that has started a process and may not."""
    if STARTED and not may_start(item):
        pytest.fail(
            f"It started a process ({', '.join(dict.fromkeys(STARTED))}), and so it is no test of `make unit`: "
            "mark it @pytest.mark.parts, or move it to tests/integration or tests/e2e",
            pytrace=False,
        )
