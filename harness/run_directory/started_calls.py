"""The number of calls that a worker has started, kept where it outlives the worker: a file of eight bytes.

    counter = mapped(path)      counter[0] = 17        a plain store into memory that is the file's

The worker stores the number of calls it has started before it sends the call. The system's page cache holds the store
at once, so a worker that is killed loses none: a call that reached the server has been counted. A machine that loses
its power may lose some.

- `counts` reads the files of this machine's workers. A worker on another machine has no file here.
- A file system that cannot share memory with a file has no counter: `mapped` then counts in memory and leaves no file.
"""

import mmap
from pathlib import Path
from struct import Struct

_COUNT = Struct("<q")
SUFFIX = ".started"


def started_path(spool_dir: str | Path, worker: int) -> Path:
    """The path of one worker's counter file."""
    return Path(spool_dir) / f"worker-{worker}{SUFFIX}"


def in_memory() -> memoryview:
    """A counter that ends with its process."""
    return memoryview(bytearray(_COUNT.size)).cast("q")


def mapped(path: Path) -> memoryview:
    """A counter stored in the file through shared memory."""
    try:
        with path.open("w+b") as file:
            file.write(
                bytes(_COUNT.size)
            )  # written, not only reserved: a full disk shows here, not at a store
            file.flush()
            return memoryview(mmap.mmap(file.fileno(), _COUNT.size)).cast("q")
    except OSError:
        path.unlink(missing_ok=True)  # a zero in the file would be believed
        return in_memory()


def counts(spool_dir: Path) -> dict[int, int]:
    """The number of calls started, for each worker that has a counter file."""
    by_worker = {}
    for path in sorted(spool_dir.glob(f"worker-*{SUFFIX}")):
        number, content = path.name.removesuffix(SUFFIX).removeprefix("worker-"), path.read_bytes()
        if number.isdigit() and len(content) == _COUNT.size:
            (by_worker[int(number)],) = _COUNT.unpack(content)
    return by_worker
