"""`python -m tests.e2e.verify_steady 50`: a sound deployment is verified again and again: every time it must pass, whatever else the machine does.

The reference server on a PostgreSQL of its own. What did not hold is printed, with how long each verification took.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from harness.services import target
from harness.services.backends import postgres
from harness.services.cleanup.janitor_process import watching
from harness.verify.settings import Settings
from harness.verify.suite import verify


async def main(times: int) -> int:
    """How often it did not pass."""
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="harness-verify-steady-") as name:
        place = Path(name)
        async with (
            watching(place / "undo.jsonl"),
            postgres.embedded(place) as url,
            target.managed(place, url) as server,
        ):
            for number in range(1, times + 1):
                settings = Settings(server.mcp_url, keep_going=True)
                suite = await asyncio.to_thread(verify, settings, [], lambda _: None)
                wrong += suite.exit_code != 0
                bad = [
                    f"{each.title}: {each.why}"
                    for each in suite.results
                    if each.outcome in {"failed", "unknown"}
                ]
                told = "; ".join(bad) or f"{suite.count()['passed']} passed"
                took = f"{suite.duration_s:.1f} s"
                print(f"{number:3}: exit code {suite.exit_code} in {took}, {told}", flush=True)  # noqa: T201
    print(f"{times - wrong} of {times} passed")  # noqa: T201
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("times", type=int, nargs="?", default=50)
    sys.exit(bool(asyncio.run(main(parser.parse_args().times))))
