"""The commit that a run belongs to."""

import subprocess
from pathlib import Path

import pytest

from harness.run_directory.checkout import Checkout, checkout

pytestmark = pytest.mark.parts

A = "0123456789abcdef0123456789abcdef01234567"


def git(*words: str, place: Path) -> str:
    options = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", *options, *words], cwd=place, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "repository"
    (place / "deep").mkdir(parents=True)
    git("init", place=place)
    git("commit", "--allow-empty", "-m", "one", place=place)
    return place


def test_the_commit_and_branch_that_are_checked_out(repository: Path) -> None:
    """As git says: loose, packed, detached, and in a worktree."""
    commit = git("rev-parse", "HEAD", place=repository)
    assert checkout(repository / "deep", {}) == Checkout(commit, "main")

    git("pack-refs", "--all", place=repository)
    assert checkout(repository, {}) == Checkout(commit, "main")

    git("worktree", "add", "-b", "feature/x", "../other", place=repository)
    assert checkout(repository.parent / "other", {}) == Checkout(commit, "feature/x")

    git("checkout", "--detach", place=repository)
    assert checkout(repository, {}) == Checkout(commit, "")


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, Checkout()),
        ({"GITHUB_SHA": A, "GITHUB_REF_NAME": "7/merge", "GITHUB_HEAD_REF": "fix"}, Checkout(A, "fix")),
        ({"HARNESS_COMMIT": "abcdef1", "HARNESS_BRANCH": "b", "GITHUB_SHA": A}, Checkout("abcdef1", "b")),
        ({"HARNESS_COMMIT": "not a commit", "HARNESS_BRANCH": "\x1b[2Jred"}, Checkout("", "[2Jred")),
    ],
)
def test_what_the_environment_says_wins(environ: dict[str, str], found: Checkout, tmp_path: Path) -> None:
    assert checkout(tmp_path, environ) == found


@pytest.mark.parametrize(
    "head", ["ref: ../../secret", "ref: /etc/passwd", "ref: refs/heads/none", "\x00\xff"]
)
def test_a_damaged_repository_says_nothing(head: str, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(head)

    assert checkout(tmp_path, {}).commit == ""
