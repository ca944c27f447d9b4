"""What all tests share: the flags of the test run, a real Toxiproxy, and a PostgreSQL for each worker."""

import gc
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from harness.foundation.secrets import hiding
from harness.services.backends import postgres
from harness.services.cleanup.janitor_process import watching
from tests import parts
from tests.integration.conftest import toxiproxy_binary

__all__ = ["toxiproxy_binary"]

# A busy machine is no counterexample: nothing is timed. The same commit has the same examples; others are drawn with
# `--hypothesis-profile drawn`.
settings.register_profile("drawn", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("untimed", settings.get_profile("drawn"), derandomize=True)
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden/* from what is produced now"
    )
    parser.addoption(
        "--skip-nothing", action="store_true", help="a skipped test is a failure: this machine has everything"
    )
    parser.addoption(
        "--unit",
        action="store_true",
        help="only what starts no process (neither a service nor a browser) and is quick",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With --unit, the folders of real parts are not even imported."""
    return (config.getoption("--unit") and parts.is_folder(collection_path)) or None


def is_left_out(item: pytest.Item) -> bool:
    """With --unit: what may start a process, and what takes its time."""
    return parts.may_start(item) or item.get_closest_marker("thorough") is not None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --unit, neither is what is marked."""
    if config.getoption("--unit"):
        left_out = list(filter(is_left_out, items))
        config.hook.pytest_deselected(items=left_out)
        items[:] = itertools.filterfalse(is_left_out, items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """What starts from here on, this test has started, or a fixture for it."""
    parts.STARTED.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """The rule of `make unit` holds in every test run."""
    yield
    parts.assert_none_started(item)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of a server that the tests of one worker share: make a schema or database of your own in it."""
    place = tmp_path_factory.mktemp("postgres")
    async with watching(place / "undo.jsonl"), postgres.embedded(place) as url:
        yield url


@pytest.fixture(autouse=True)
def _no_secrets_of_another_test() -> Iterator[None]:
    """What one test has taught the process is not hidden in the next."""
    yield
    hiding.forget()


def pytest_configure() -> None:
    """No run of a test goes into a history unless the test says which one; never into that of whoever runs the tests.

    What runs in the background of a script ignores Ctrl-C, and so would all that is started here.
    """
    os.environ["HARNESS_HISTORY"] = "off"
    os.environ["HARNESS_HISTORY_DIR"] = "/nonexistent/no-history-in-tests"
    os.environ.pop("HARNESS_HISTORY_URL", None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionstart() -> None:
    """Hundreds of modules are imported next, and nothing of them is garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    """A test module that imports Locust as it is would break the workers of this test run, at their very end.

    What is imported now stays: the garbage collector need not look through it again and again.
    """
    gc.freeze()
    gc.enable()
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        raise pytest.UsageError(
            "A test module lets gevent patch this process; see tests/load/inside/conftest.py"
        )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In the process that prints the results, which knows those of all workers."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", ())) if reporter else 0
    if skipped and os.environ.get("COVERING"):
        (Path(os.environ["COVERING"]) / "skipped").touch()
    if skipped and session.config.getoption("--skip-nothing") and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"--skip-nothing: {skipped} skipped", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
