"""The janitor: a process of its own that cleans up after the harness, however the harness dies.

    python -m harness.services.cleanup.janitor UNDO_JSONL          # services.cleanup.watched starts it

It holds one end of a pipe whose other end only its parent has. When the pipe ends, the parent has left or was
killed; undo.jsonl tells which. Everything that it still lists is undone, within three seconds. janitor.log
in the run directory says what was done. The pipe also carries the run's secrets, so that the janitor can
remove them from the logs of the processes that it ends. When undo.jsonl lists nothing, the janitor just
leaves.

It lives in a session of its own and ignores what a terminal or a service manager sends: it ends by its own will,
within seconds of its parent. It and what it imports need the standard library only.
"""

import json
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from harness.foundation.secrets import hidden_log, hiding
from harness.run_directory.undo import read_open
from harness.services.cleanup.leftovers import clean, undo_all

__all__ = ["clean"]

HELLO = b"watching\n"
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)


def main(undo_path: Path, pipe: int = 0, out: int = 1) -> int:
    """Wait for the end of the pipe, then undo what is left."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    os.write(out, HELLO)
    heard = bytearray()
    while piece := os.read(pipe, 65536):
        heard += piece
    if not read_open(undo_path):
        return 0
    _hear(heard)
    log = undo_path.with_name("janitor.log")
    try:
        messages = undo_all(undo_path)
    except Exception:  # nobody is left to tell but the log
        messages = ["LEFT: the janitor itself failed", traceback.format_exc()]
    messages += hidden_log.clean(undo_path.parent)  # before its own log, for which there may be no room
    with suppress(OSError), log.open("a", encoding="utf-8") as file:
        file.write(hiding.hide("\n".join(messages)) + "\n")
    return int(any(line.startswith("LEFT") for line in messages))


def _hear(lines: bytes | bytearray) -> None:
    """Learn the secrets, one on each line; the last line may be cut off, because its writer died."""
    for line in lines.splitlines():
        with suppress(ValueError):
            hiding.hear(json.loads(line))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
