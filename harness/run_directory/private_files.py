"""Files that nobody else may read: all that this process makes from now on, and its children, unless they are somebody else's.

begin()          once, by a command that makes a run
THEIRS           what was said before us of the files of others: for a server of the user's
"""

import os


def _asked() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


THEIRS = _asked()


def begin() -> None:
    """Directories are 0700, files 0600."""
    os.umask(0o077)
