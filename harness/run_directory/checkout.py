"""Which commit a run belongs to: the one that is checked out where the command was typed, or what the CI says.

    HARNESS_COMMIT, HARNESS_BRANCH     win over everything
    GITHUB_SHA, GITHUB_HEAD_REF, ...   what GitHub, GitLab and their like say of a job
    .git                               read, not asked: no program is started, and nothing in there is run

It does not know whether files were changed since the commit.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.foundation.untrusted.documents import short

BYTES_MOST: Final = 4 << 20
NAME_MOST: Final = 200
_SHA = re.compile(r"[0-9a-f]{7,64}")
_COMMITS: Final = ("HARNESS_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA")
_BRANCHES: Final = ("HARNESS_BRANCH", "GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A commit and a branch; empty where nobody knows."""

    commit: str = ""
    branch: str = ""


def checkout(place: Path, environ: Mapping[str, str] = os.environ) -> Checkout:
    """The commit and branch at this place; never an error."""
    try:
        state = _of_git(place)
    except (OSError, ValueError):
        state = Checkout()
    commit = next((environ[name] for name in _COMMITS if environ.get(name)), state.commit)
    branch = next((environ[name] for name in _BRANCHES if environ.get(name)), state.branch)
    return Checkout(
        commit if _SHA.fullmatch(commit) else "", short("".join(filter(str.isprintable, branch)), NAME_MOST)
    )


def _of_git(place: Path) -> Checkout:
    own = next((path / ".git" for path in (place, *place.parents) if (path / ".git").exists()), None)
    if own is None:
        return Checkout()
    if own.is_file():  # a worktree: the file names its directory
        own = (own.parent / _text(own).partition("gitdir:")[2].strip()).resolve()
    shared = own / "commondir"
    common = (own / _text(shared).strip()).resolve() if shared.is_file() else own
    head = _text(own / "HEAD").strip()
    reference = head.removeprefix("ref: ")
    if reference == head:
        return Checkout(head)
    return Checkout(_commit_of(reference, (own, common)), reference.removeprefix("refs/heads/"))


def _commit_of(reference: str, places: tuple[Path, Path]) -> str:
    if ".." in reference or reference.startswith("/"):
        return ""
    for place in places:
        if (place / reference).is_file():
            return _text(place / reference).strip()
    packed = places[1] / "packed-refs"
    lines = _text(packed).splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {reference}")), "")


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(BYTES_MOST).decode(errors="replace")
