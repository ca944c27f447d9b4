"""The reference target, recording its calls or not.

python benchmarks/recording_target.py on|off FLAGS…        the flags are the target's own
"""

import sys

from harness.reference.__main__ import main
from harness.reference.executions import Executions


def end(_self: Executions, *_what: object, **_how: object) -> None:
    """What a call ends with when nothing is recorded."""


if __name__ == "__main__":
    if sys.argv[1] == "off":
        Executions.end = end  # type: ignore[assignment]
    sys.exit(main(sys.argv[2:]))
