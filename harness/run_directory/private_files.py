"""Keep files private: from now on, only this user may read what this process and its children create.

begin()          called once, by a command that makes a run
THEIRS           the umask from before, for a server that the user's command starts
"""

import os


def _asked() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


THEIRS = _asked()


def begin() -> None:
    """From now on, this process creates directories with mode 0700 and files with mode 0600."""
    os.umask(0o077)
