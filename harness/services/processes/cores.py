"""Which cores the load's workers use, and which all the rest of ours, so that workers wait for nobody.

    cores that we may use    0 1 2 3
    two workers              3 and 2, one each
    all others of ours       0 1          the harness itself, the target that it starts, its database, proxies, ...

- Only cores that this process may use are shared out (a container or `taskset` may limit them).
- It needs one core more than there are workers; with fewer, every process may use every core, as before.
- The harness's children inherit its cores, so moving the harness moves all of them. A server that is not ours
  is left where it is.
- If one user has two runs at the same time, only the first shares out cores; otherwise both would put their
  workers on the same core. An abstract socket serves as the lock: it is no file, and the kernel frees it when
  its process ends.

It does not know which cores are two halves of one (hyper-threads), nor which other programs use them.
"""

import os
import socket
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for each worker, and the cores of all other processes of ours."""

    workers: tuple[int, ...]
    others: frozenset[int]

    def as_data(self) -> dict[str, list[int]]:
        return {"workers": list(self.workers), "others": sorted(self.others)}


def share_out(allowed: Collection[int], workers: int) -> Cores | None:
    """Give the workers the last cores, since the first handle most interrupts; None if there are too few."""
    if workers < 1 or len(allowed) <= workers:
        return None
    ordered = sorted(allowed)
    return Cores(tuple(reversed(ordered[-workers:])), frozenset(ordered[:-workers]))


@contextmanager
def shared_out(workers: int, name: str = "") -> Iterator[Cores | None]:
    """Move this process and its future children off the workers' cores; move it back afterwards."""
    allowed = os.sched_getaffinity(0)
    cores = share_out(allowed, workers)
    with ExitStack() as stack:
        if cores is not None and not _alone(stack, name or f"mcp-harness-cores-{os.getuid()}"):
            cores = None
        if cores is not None:
            try:
                os.sched_setaffinity(0, cores.others)
            except OSError:  # a sandbox that forbids it
                cores = None
            else:
                stack.callback(os.sched_setaffinity, 0, allowed)
        yield cores


def _alone(stack: ExitStack, name: str) -> bool:
    """Whether no other run shares out cores now; held until the stack is left, or this process has ended."""
    held = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    try:
        held.bind(f"\0{name}")
    except OSError:
        return False
    return True
