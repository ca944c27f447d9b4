"""Do clients survive a deploy? Their sessions were opened before it, their writes acknowledged; then the process is another one."""

import pytest

from harness.mcp import outcome
from harness.mcp.dialects.handshake import HANDSHAKE_VERSIONS
from harness.verify.deploying import Deployed
from harness.verify.doors import DOORS, said
from harness.verify.finding import fail, skip, undecided
from harness.verify.target import Target

pytestmark = [pytest.mark.deploy, pytest.mark.http]
NO_SESSION = "it gives out no session IDs in that version"


def test_a_deploy_puts_another_process_in_its_place(after_deploy: Deployed) -> None:
    """Else nothing below would be proved."""
    if after_deploy.process_before is None or after_deploy.process_after is None:
        skip(
            "verify.yaml does not say how to tell one process from another",
            "verify.yaml: deploy {changes: {get: /status, value: started_at}}, or process {listens: true} on this machine",
        )
    if after_deploy.process_before == after_deploy.process_after:
        undecided(f"{after_deploy.process_before} still serves: there was no deploy")


@pytest.mark.parametrize("door", HANDSHAKE_VERSIONS)
def test_a_session_that_was_open_before_a_deploy_works_after_it(after_deploy: Deployed, door: str) -> None:
    """Without another handshake."""
    reply = after_deploy.after.get(door)
    if reply is None:
        skip(NO_SESSION, "serve sessions, if clients need them")
    if reply.outcome != outcome.OK:
        fail(f"a request in a session from before the deploy ended with {said(reply)}")


@pytest.mark.parametrize("door", [door for door in DOORS if door != "plain"])
def test_a_session_is_opened_after_a_deploy(target: Target, after_deploy: Deployed, door: str) -> None:
    """By each door that was there before; a WebSocket and HTTP+SSE end with their connection."""
    reply = after_deploy.reopened.get(door)
    if reply is None:
        skip(
            f"it is not offered: {target.door(door).why}",
            "serve that version or transport, if clients need it",
        )
    if reply.outcome != outcome.OK:
        fail(f"tools/list in a new session ended with {said(reply)}")


def test_a_session_that_was_ended_before_a_deploy_stays_ended(after_deploy: Deployed) -> None:
    """A store that forgets what was deleted would bring it back."""
    if after_deploy.ended is None:
        skip(NO_SESSION, "serve sessions, if clients need them")
    if after_deploy.ended.outcome != outcome.SESSION_LOST:
        fail(
            f"a request in a session that its client had ended ended with {said(after_deploy.ended)} after the deploy"
        )


def test_what_was_acknowledged_before_a_deploy_is_there_after_it(
    target: Target, after_deploy: Deployed
) -> None:
    """Every write."""
    if not after_deploy.written or target.spec.read is None:
        skip("nothing was written before it", "verify.yaml: write and read; and --allow-writes")
    if after_deploy.missing:
        fail(f"{len(after_deploy.missing)} of {len(after_deploy.written)} acknowledged writes are gone")


def test_a_task_that_was_accepted_before_a_deploy_is_done_after_it(
    target: Target, after_deploy: Deployed
) -> None:
    """Its worker may have been replaced in the middle of it."""
    task, expected = after_deploy.task, target.spec.tasks
    if task is None or expected is None:
        skip("no task was submitted before it", "verify.yaml: tasks {submit, poll}; and --allow-writes")
    if task.end not in expected.done:
        fail(f"a task that was accepted before the deploy is {task.last!r} after it")
