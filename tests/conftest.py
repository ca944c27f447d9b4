"""What all tests share: the flags of the test run, and a real Toxiproxy."""

import signal
import sys
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from harness import hiding
from tests import alone
from tests.integration.conftest import toxiproxy_binary

__all__ = ["toxiproxy_binary"]

COVERED_WITH_SKIPS = 90
FORGIVEN = pytest.StashKey[int]()

# A busy machine is no counterexample: nothing is timed.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden/* from what is produced now"
    )
    parser.addoption(
        "--skip-nothing", action="store_true", help="a skipped test is a failure: this machine has everything"
    )
    parser.addoption(
        "--again-alone", action="store_true", help="what fails beside others is run once more, alone"
    )


@pytest.fixture(autouse=True)
def _no_secrets_of_another_test() -> Iterator[None]:
    """What one test has taught the process is not hidden in the next."""
    yield
    hiding.forget()


def pytest_configure() -> None:
    """What runs in the background of a script ignores Ctrl-C, and so would all that is started here."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """A test module that imports Locust as it is would break the workers of this test run, at their very end."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        raise pytest.UsageError(
            "A test module lets gevent patch this process; see tests/load/inside/conftest.py"
        )


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """What a machine cannot run it cannot cover: less is asked for where tests had to be skipped, and it is said."""
    result = yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    coverage = session.config.pluginmanager.get_plugin("_cov")
    if reporter and reporter.stats.get("skipped") and coverage and coverage.options.cov_fail_under:
        coverage.options.cov_fail_under = min(coverage.options.cov_fail_under, COVERED_WITH_SKIPS)
        reporter.write_line(f"\nTests were skipped, so {COVERED_WITH_SKIPS} % of the lines will do.")
    return result


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Said where it is read, beside the count of failures."""
    if forgiven := config.stash.get(FORGIVEN, 0):
        terminalreporter.write_line(
            f"{forgiven} failed beside others and passed alone: see above", yellow=True
        )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In the process that prints the results, which knows those of all workers."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    failing = session.exitstatus == pytest.ExitCode.TESTS_FAILED  # and was not interrupted, say
    if reporter and failing and session.config.getoption("--again-alone"):
        reports = reporter.stats.get("failed", []) + reporter.stats.get("error", [])
        failed = sorted({report.nodeid for report in reports})
        # Lines that are not covered count as one failure more, which no test explains.
        if failed and session.testsfailed == len(reports) and len(failed) <= alone.MOST:
            reporter.write_line(f"\n{len(failed)} failed beside others: once more, alone", yellow=True)
            if alone.forgiven(failed):
                session.exitstatus = pytest.ExitCode.OK
                session.config.stash[FORGIVEN] = len(failed)
    skipped = len(reporter.stats.get("skipped", ())) if reporter else 0
    if skipped and session.config.getoption("--skip-nothing") and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"--skip-nothing: {skipped} skipped", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
