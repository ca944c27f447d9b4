"""What fails beside others is run once more, alone, at the end of the whole.

Many tests here start real servers and real load, on machines that others use too. A test that passes alone and
not beside others has met the machine; one that is broken fails twice, and fails the command. Both results are
printed. More than MOST failures are no accident, and none of them is forgiven.
"""

import subprocess
import sys

import pytest

MOST = 8


def forgiven(failed: list[str]) -> bool:
    """Whether all of them pass when nothing else runs."""
    if not 0 < len(failed) <= MOST:
        return False
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-p", "no:cacheprovider", *failed]
    sys.stdout.flush()
    return subprocess.run(command, check=False).returncode == pytest.ExitCode.OK
