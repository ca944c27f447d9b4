"""What a command of the user's prints, such as a token: within a time limit and bounds; it is written down nowhere.

The command ends with us, and its process group with its time limit.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from harness.foundation.clock import within
from harness.foundation.environment import for_others
from harness.foundation.errors import UsageError
from harness.foundation.secrets.hiding import hide
from harness.foundation.units import show_duration
from harness.foundation.untrusted.printable import printable
from harness.run_directory import private_files
from harness.services.processes import launch

WITHIN_S: Final = 30.0
BYTES_MAX: Final = 65_536
LINE_CHARS: Final = 200
AS_WE_ARE: Final = str(launch.KEEP)


async def printed(command: Sequence[str], what: str, within_s: float = WITHIN_S) -> str:
    """Return what it prints; UsageError when it fails, says too much, or takes too long. `what` names it in errors."""
    gate, opener = os.pipe()
    os.write(opener, b"g")
    argv = [
        sys.executable,
        "-I",
        "-S",
        launch.__file__,
        str(gate),
        str(os.getpid()),
        str(int(signal.SIGKILL)),
    ]
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, AS_WE_ARE, AS_WE_ARE, "0", launch.INHERITED, *command,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=for_others(), start_new_session=True, pass_fds=(gate,), umask=private_files.THEIRS, limit=BYTES_MAX,
        )  # fmt: skip
    finally:
        os.close(gate)
        os.close(opener)
    try:
        async with within(within_s):
            out, errors = await asyncio.gather(_bounded(process.stdout), _bounded(process.stderr))
            code = await process.wait()
    except TimeoutError:
        raise UsageError(
            f"{what} took more than {show_duration(within_s)}", "", "Run it by hand: it must print, and end"
        ) from None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())
    if code or len(out) >= BYTES_MAX:
        last = next(
            (line for line in reversed(errors.decode(errors="replace").splitlines()) if line.strip()), ""
        )
        why = f"It ended with exit code {code}" if code else f"It printed {BYTES_MAX:,} bytes or more"
        raise UsageError(
            f"{what} failed",
            f"{why}{f': {printable(hide(last), LINE_CHARS)}' if last and code else ''}",
            "Run it by hand; it must print the secret on its standard output, and nothing else",
        )
    return out.decode(errors="replace").strip()


async def _bounded(stream: asyncio.StreamReader | None) -> bytes:
    """Read to the end, and keep the first bytes."""
    kept = b""
    assert stream is not None
    while chunk := await stream.read(8_192):
        kept += chunk[: BYTES_MAX - len(kept)]
    return kept
