"""Which processor a load worker runs on, and which all the rest of ours: what measures does not wait for what is measured.

    cores that we may use    0 1 2 3
    two workers              3 and 2, one each
    all others of ours       0 1          the harness itself, the target that it starts, its database, proxies, ...

- Only cores that this process may use are shared out (a container, `taskset`): nobody gets one that we were not given.
- It needs a core more than there are workers; with fewer everybody runs everywhere, as before.
- What the harness starts inherits its cores from it, so moving the harness aside moves all of it. A server that is not ours
  is left where it is.
- Of two runs at the same time under one user the first one shares out; the second one leaves all as it is, for both would
  put their workers on the same core. What tells them is a name that only one of them can have: an abstract socket, which
  is no file, and which the kernel takes back when its process ends.

What it does not know: which cores are two halves of one (hyper-threads), and who else computes on them.
"""

import os
import socket
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """One for each worker, and those of everybody else of ours."""

    workers: tuple[int, ...]
    others: frozenset[int]

    def as_data(self) -> dict[str, list[int]]:
        return {"workers": list(self.workers), "others": sorted(self.others)}


def share_out(allowed: Collection[int], workers: int) -> Cores | None:
    """The last ones are the workers': interrupts are mostly handled by the first. None: there are too few."""
    if workers < 1 or len(allowed) <= workers:
        return None
    ordered = sorted(allowed)
    return Cores(tuple(reversed(ordered[-workers:])), frozenset(ordered[:-workers]))


@contextmanager
def shared_out(workers: int, name: str = "") -> Iterator[Cores | None]:
    """Moves this process, and so what it starts from now on, aside; back again afterwards."""
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
