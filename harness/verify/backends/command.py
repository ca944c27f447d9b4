"""A command of the user's, such as the one that deploys: run by the shell, within a time limit; its output is kept to be told of.

What it starts and leaves behind on purpose (a server, say) lives on. A command that takes too long is ended with its process group.
"""

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final

from harness.foundation.environment import for_others
from harness.foundation.secrets.hiding import hide
from harness.foundation.units import show_duration
from harness.foundation.untrusted.printable import printable
from harness.run_directory import private_files

SHELL: Final = "/bin/sh"
TAIL_BYTES: Final = 4_000
TAIL_LINES: Final = 3
LINE_CHARS: Final = 200
ENDS_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Ran:
    """The result of a command."""

    returncode: int | None  # None when it took too long
    said: tuple[str, ...]  # its last lines, fit to be shown
    within_s: float

    @property
    def well(self) -> bool:
        return self.returncode == 0

    def how(self) -> str:
        """Return how the command ended, in words."""
        ended = (
            f"took longer than {show_duration(self.within_s)}"
            if self.returncode is None
            else f"ended with exit code {self.returncode}"
        )
        return "\n".join([ended, *self.said])


def run(
    command: str | Sequence[str],
    within_s: float,
    environ: Mapping[str, str] | None = None,
    announce: Callable[[int], Callable[[], None]] = lambda _: lambda: None,
) -> Ran:
    """A line of the shell, or a program with its arguments; `announce` hears its pid, and what it brings is called at its end."""
    argv = [SHELL, "-c", command] if isinstance(command, str) else list(command)
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**for_others(), **(environ or {})},
                start_new_session=True,
                umask=private_files.THEIRS,
            )
        except OSError as error:
            return Ran(127, (printable(f"{argv[0]}: {error.strerror}", LINE_CHARS),), within_s)
        ended = announce(process.pid)
        try:
            returncode: int | None = process.wait(within_s)
        except subprocess.TimeoutExpired:
            returncode = None
            _end(process)
        except BaseException:
            _end(process)
            raise
        ended()
        return Ran(returncode, _tail(output), within_s)


def _end(process: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDS_S)
            return


def _tail(output: IO[bytes]) -> tuple[str, ...]:
    output.seek(max(0, output.seek(0, os.SEEK_END) - TAIL_BYTES))
    lines = output.read().decode("utf-8", "replace").splitlines()
    kept = [line for line in lines if line.strip()][-TAIL_LINES:]
    return tuple(printable(hide(line), LINE_CHARS) for line in kept)
