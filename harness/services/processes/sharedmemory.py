"""The System V shared memory that a killed PostgreSQL leaves behind: 56 bytes, for ever, of a limited number.

PostgreSQL notes key and id of its segment in postmaster.pid and removes both when it ends by itself. A segment
is removed here only when the server that made it is the one of that file and nobody is attached to it.

The janitor does this too, so it imports the standard library only.
"""

import ctypes
from pathlib import Path

IPC_RMID = 0


def forget_segment(data_directory: Path, table: Path = Path("/proc/sysvipc/shm")) -> bool:
    """Remove the shared memory that the server of this data directory left; False when there was none."""
    try:
        noted = (data_directory / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        maker = noted[0].removeprefix("-")  # initdb's PostgreSQL notes its pid so
        key, segment = (int(word) for word in noted[6].split())
        rows = [row.split() for row in table.read_text(encoding="ascii").splitlines()[1:]]
    except (OSError, ValueError, IndexError):
        return False
    # columns: key shmid perms size cpid lpid nattch ...
    mine = [str(key), str(segment), maker, "0"]
    if not any([row[0], row[1], row[4], row[6]] == mine for row in rows):
        return False
    return bool(ctypes.CDLL(None, use_errno=True).shmctl(segment, IPC_RMID, None) == 0)
