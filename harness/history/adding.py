"""A run goes into the history at its end: first into the spool, then, within bounds, into PostgreSQL.

Whatever goes wrong is a warning and changes nothing of the run: neither its files, nor its exit code, nor for long its
time. What waits in the spool goes in with the next run, or by `harness history push`.
"""

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from harness.foundation.clock import within
from harness.foundation.errors import HarnessError
from harness.history import opening, spool
from harness.history.location import Place, place
from harness.history.record import RunRecord
from harness.history.recording import RecordError, record
from harness.services.backends.kept_postgres import exists

WAIT_S: Final = 5.0  # for somebody else who has the embedded server
BOUND_S: Final = 20.0
FIRST_S: Final = 60.0  # where a new history has to be made
LATER: Final = "It is kept for the next run, or for `harness history push`"


def arrive(
    run_dir: Path, allowed_hosts: Collection[str] = (), *, interrupted: bool = False, night: str = ""
) -> str:
    """Bring a run into the history; return a warning, or nothing."""
    return _arrived(
        lambda: record(run_dir, interrupted=interrupted, night=night),
        allowed_hosts,
        f" Afterwards: harness history push {run_dir}",
    )


def arrive_made(made: RunRecord, allowed_hosts: Collection[str] = ()) -> str:
    """The same for a record that is made already."""
    return _arrived(lambda: made, allowed_hosts, "")


def _arrived(make: Callable[[], RunRecord], allowed_hosts: Collection[str], by_hand: str) -> str:
    try:
        where = place()
        spool.keep(where.spool, make())
    except RecordError as error:
        return f"The run was not stored in the history: {error}"
    except HarnessError as error:
        return f"The run is not in the history: {error.what}: {error.why}.{by_hand}"
    except Exception as error:  # never the run's trouble
        return f"The run is not in the history: {getattr(error, 'strerror', None) or error}.{by_hand}"
    try:
        return asyncio.run(_deliver(where, allowed_hosts))
    except HarnessError as error:
        return f"The run is not in the history yet: {error.what}: {error.why}. {LATER}"
    except TimeoutError:
        return (
            f"The run is not in the history yet: the history took longer than {_bound_s(where):g}s. {LATER}"
        )
    except KeyboardInterrupt:
        return f"The run is not in the history yet: interrupted. {LATER}"
    except Exception as error:
        return f"The run is not in the history yet: {error}. {LATER}"


async def _deliver(where: Place, allowed_hosts: Collection[str]) -> str:
    async with within(_bound_s(where)), opening.opened(where, allowed_hosts, WAIT_S) as connection:
        done = await spool.deliver(connection, where.spool)
    if not done.refused:
        return ""
    path, why = done.refused[0]
    return f"{len(done.refused)} waiting run(s) cannot be stored in the history: {path}: {why}"


def _bound_s(where: Place) -> float:
    return BOUND_S if where.url or exists(where.database) else FIRST_S
