"""`python -m harness.reference`: the reference service alone, as a child of whoever needs it.

It takes a database by URL and starts none; starting an embedded one is the caller's business.
"""

import argparse
import sys

from harness.foundation.errors import HarnessError
from harness.reference import flags
from harness.reference.serve import run
from harness.reference.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Read the flags, serve, and say what went wrong in three short lines."""
    try:
        return run(settings_of(arguments))
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def settings_of(arguments: list[str] | None) -> Settings:
    parser = argparse.ArgumentParser(prog="python -m harness.reference", description=__doc__)
    for name, flag in flags.FLAGS.items():
        how: dict[str, object] = {"dest": name, "help": flag.about, "default": None}
        if flag.present is not None:
            how |= {"action": "store_const", "const": flag.present}
        else:
            how |= {
                "type": flag.kind,
                "choices": flag.choices or None,
                "action": "append" if flag.many else "store",
            }
        parser.add_argument(flags.option(name), **how)  # type: ignore[arg-type]
    return flags.settings(vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
