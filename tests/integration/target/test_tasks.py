"""Tasks, on a real PostgreSQL and a real RabbitMQ: done once, whatever happens to whoever does them."""

import asyncio
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import aio_pika
import asyncpg
import pytest

from harness.reference import databases
from harness.reference.events import Events
from harness.reference.settings import Settings
from harness.reference.tasks import queue_amqp
from harness.reference.tasks.queue_amqp import AmqpQueue
from harness.reference.tasks.running import opened
from harness.reference.tasks.table import Tasks
from harness.reference.tasks.task import ATTEMPTS_MAX, QueueUnreachableError, TasksUnreachableError
from harness.reference.tasks.worker import Worker
from tests.integration.target.conftest import die_with_parent

VIEW = {"database": "TEST_DB", "schema": "PUBLIC", "view": "OPEN_ORDERS"}


@pytest.fixture
async def sql(postgres_url, schema):
    """A connection to look behind the service's back; it drops the schema."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    await connection.close()


@pytest.fixture(params=["postgres", "amqp"])
async def settings(request, postgres_url, schema):
    """With each of the queues; what was made in the broker is deleted."""
    url = request.getfixturevalue("amqp_url") if request.param == "amqp" else ""
    yield Settings(postgres_url, port=0, schema=schema, amqp_url=url, task_lease_s=30, task_workers=0)
    if url:
        await delete_queue(url, f"{schema}.tasks")


async def delete_queue(url, name):
    async with await aio_pika.connect(url) as connection:
        await (await connection.channel()).queue_delete(name)


@pytest.fixture
async def tasks(postgres_url, schema, sql):
    """The table alone."""
    settings = Settings(postgres_url, schema=schema)
    async with databases.opened(settings) as parts:
        yield Tasks(parts.own, lease_s=30)


@asynccontextmanager
async def worker_process(settings):
    """`python -m harness.reference --worker` as a child."""
    flags = ["--worker", "--database-url", settings.database_url, "--schema", settings.schema]
    flags += [
        "--task-workers",
        "4",
        "--task-lease",
        "1",
        *(["--amqp-url", settings.amqp_url] * bool(settings.amqp_url)),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.reference", *flags],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509
    )
    try:
        assert await asyncio.to_thread(process.stdout.readline) == "harness worker ready\n"
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


async def until(sql, question, wanted, within_s=60):
    async with asyncio.timeout(within_s):
        while (found := await sql.fetchval(question)) != wanted:
            await asyncio.sleep(0.02)
    return found


async def test_two_hundred_tasks_are_each_done_once_though_their_worker_is_killed(settings, schema, sql):
    """kill -9 in the middle: another worker finishes them, and none has its effect twice."""
    events = Events(settings)
    finished = f"SELECT count(*) FROM {schema}.tasks WHERE status = 'completed'"
    async with databases.opened(settings) as parts, opened(settings, parts, events) as made:
        ids = [await made.tasks.submit("wait", {"seconds": 0.02}, "name:me") for _ in range(200)]
        for task in ids:
            await made.queue.publish(task)
        async with worker_process(settings) as first:
            async with asyncio.timeout(60):
                while not 20 <= await sql.fetchval(finished) < 180:
                    await asyncio.sleep(0.005)
            first.send_signal(signal.SIGKILL)
            first.wait()
        before = await sql.fetchval(finished)
        async with worker_process(settings):
            await until(sql, finished, 200)

    assert before < 200
    effects = await sql.fetch(f"SELECT task, count(*) AS times FROM {schema}.task_effects GROUP BY 1")
    ends = await sql.fetch(f"SELECT task FROM {schema}.task_history WHERE status = 'completed'")
    assert {row["task"]: row["times"] for row in effects} == dict.fromkeys(ids, 1)
    assert sorted(row["task"] for row in ends) == sorted(ids)


async def test_a_task_goes_its_way_and_everything_of_it_is_told(serve_target, http, settings, schema, sql):
    """Submitted, queued durably, done by the worker inside the server, with result and history."""
    url = await serve_target(amqp_url=settings.amqp_url)
    async with http.post(f"{url}/tasks", json={"kind": "count_view", "arguments": VIEW}) as response:
        assert response.status == 202
        task = (await response.json())["id"]
        assert response.headers["location"] == f"/tasks/{task}"
    await until(sql, f"SELECT status FROM {schema}.tasks", "completed")
    async with http.get(f"{url}/tasks/{task}") as response:
        page = await response.json()
    async with http.get(f"{url}/tasks") as response:
        assert await response.json() == {"tasks": {"completed": 1}}

    assert (page["status"], page["attempt"], page["error"]) == ("completed", 1, None)
    assert page["result"] == {"rows": 333}
    assert [step["status"] for step in page["history"]] == ["pending", "running", "completed"]
    assert page["history"][1]["worker"] == page["history"][2]["worker"] != None  # noqa: E711
    assert page["created_at"] <= page["history"][1]["at"] <= page["finished_at"] <= page["history"][2]["at"]


async def test_what_is_no_task_is_said_and_what_fails_says_why(serve_target, http, schema, sql):
    """Bad kinds and arguments are refused at once; work that cannot be done fails with words."""
    url = await serve_target()
    for body, words in (
        ({}, "kind must be one of count_view, wait"),
        ({"kind": ["wait"]}, "kind must be"),
        ({"kind": "wait", "arguments": []}, "must be an object"),
        ({"kind": "wait", "arguments": {"seconds": "1"}}, "wait takes seconds"),
        ({"kind": "wait", "arguments": {"seconds": 61}}, "wait takes seconds"),
        ({"kind": "wait", "arguments": {"seconds": True}}, "wait takes seconds"),
        ({"kind": "count_view", "arguments": {**VIEW, "view": 7}}, "all text"),
        ({"kind": "count_view", "arguments": {**VIEW, "more": "x"}}, "count_view takes"),
        ({"kind": "count_view", "arguments": {**VIEW, "database": "OTHER"}}, "OTHER"),
        ([], "one JSON object"),
    ):
        async with http.post(f"{url}/tasks", json=body) as response:
            answer = await response.json()
            assert (response.status, words in answer["error"]) == (400, True), answer
    body = {"kind": "count_view", "arguments": {**VIEW, "view": 'no"such; DROP'}}
    async with http.post(f"{url}/tasks", json=body) as response:
        task = (await response.json())["id"]
    await until(sql, f"SELECT status FROM {schema}.tasks", "failed")
    async with http.get(f"{url}/tasks/{task}") as response:
        assert 'public.no"such; drop" does not exist' in (await response.json())["error"]
    async with http.get(f"{url}/tasks/nothing") as response:
        assert response.status == 404
    async with http.post(f"{url}/tasks", json=body, headers={"mcp-session-id": "nobody"}) as response:
        assert response.status == 404


async def test_claims_at_once_get_different_tasks(tasks):
    """No task is given to two workers, and a task that is claimed is not claimed again."""
    ids = [await tasks.submit("wait", {"seconds": 0}, "name:me") for _ in range(20)]
    claimed = await asyncio.gather(*(tasks.claim_next(3, f"w{number}") for number in range(10)))
    flat = [one.id for some in claimed for one in some]

    assert sorted(flat) == sorted(ids)
    assert await tasks.claim_next(3, "late") == []
    assert await tasks.claim(ids[0], "late", take_over=False) is None


async def test_a_worker_that_comes_back_from_the_dead_has_no_effect(tasks, schema, sql):
    """Its task was taken over: what it finishes counts for nothing, and it cannot fail it or hold it either."""
    task = await tasks.submit("wait", {"seconds": 0}, "name:me")
    (first,) = await tasks.claim_next(1, "first")
    second = await tasks.claim(task, "second", take_over=True)
    effects = []

    async def effect(_connection):
        effects.append("first")

    assert not await tasks.complete(first, {}, effect)
    assert not await tasks.fail(first.id, first.attempt, "no")
    assert not await tasks.renew(first)
    assert await tasks.renew(second)
    assert await tasks.complete(second, {"by": "second"})
    assert not await tasks.complete(second, {"by": "second"})
    found = await tasks.find(task)
    assert (found.result, found.attempt, effects) == ({"by": "second"}, 2, [])
    assert await sql.fetchval(f"SELECT count(*) FROM {schema}.task_effects") == 1


async def test_an_effect_that_fails_leaves_the_task_unfinished(tasks):
    """The status and the effect are one transaction."""
    await tasks.submit("wait", {"seconds": 0}, "name:me")
    (claimed,) = await tasks.claim_next(1, "w")

    async def effect(connection):
        await connection.execute("SELECT 1/0")

    with pytest.raises(TasksUnreachableError, match="division by zero"):
        await tasks.complete(claimed, {}, effect)
    assert (await tasks.find(claimed.id)).status == "running"


async def test_a_task_is_not_tried_for_ever(tasks, schema, sql):
    """After so many workers died with it, it fails and says so."""
    await tasks.submit("wait", {"seconds": 0}, "name:me")
    for _ in range(ATTEMPTS_MAX):
        (claimed,) = await tasks.claim_next(1, "w")
        await tasks.release(claimed)

    assert await tasks.claim_next(1, "w") == []
    assert await tasks.give_up() == 1
    found = await tasks.find(claimed.id)
    assert (found.status, found.error) == ("failed", "given up: its worker died 5 times")
    assert [step.status for step in found.history] == ["pending", *["running"] * 5, "failed"]


async def test_a_worker_that_is_stopped_leaves_its_task_to_others_at_once(postgres_url, schema, sql):
    """Nobody waits for a lease of one who said goodbye; one who works holds it."""
    settings = Settings(postgres_url, schema=schema, task_lease_s=30)
    async with databases.opened(settings) as parts:
        tasks = Tasks(parts.own, lease_s=0.3)
        await tasks.submit("wait", {"seconds": 60}, "name:me")
        (claimed,) = await tasks.claim_next(1, "w")
        working = asyncio.create_task(Worker(tasks, parts).do(claimed))
        renewed = f"SELECT lease_until > created_at + interval '0.5 second' FROM {schema}.tasks"
        await until(sql, renewed, True)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

        assert [one.id for one in await tasks.claim_next(1, "other")] == [claimed.id]


async def test_a_table_that_is_gone_is_503_and_the_workers_go_on(serve_target, http, schema, sql):
    """Tasks cannot be taken then; afterwards they are taken and done."""
    url = await serve_target()
    body = {"kind": "wait", "arguments": {"seconds": 0}}
    await sql.execute(f"ALTER TABLE {schema}.tasks RENAME TO gone")
    async with http.post(f"{url}/tasks", json=body) as response:
        assert response.status == 503
    await sql.execute(f"ALTER TABLE {schema}.gone RENAME TO tasks")
    async with http.post(f"{url}/tasks", json=body) as response:
        assert response.status == 202
    await until(sql, f"SELECT status FROM {schema}.tasks", "completed")


async def test_a_message_is_persistent_in_a_durable_queue(amqp_url, tasks, schema):
    """So that the broker has it after its restart; and messages that name no task are put aside."""
    name = f"{schema}.tasks"
    queue = AmqpQueue(amqp_url, name, tasks)
    task = await tasks.submit("wait", {"seconds": 0}, "name:me")
    await queue.publish(task)
    await queue.check()
    await queue.close()
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        found = await channel.declare_queue(name, durable=True)  # which fails when it is not
        message = await found.get(timeout=60)
        await message.ack()
        for body in (b"", b"x" * 100, b"no such", task.encode()):
            await channel.default_exchange.publish(aio_pika.Message(body), routing_key=name)
    assert (message.body.decode(), message.delivery_mode) == (task, aio_pika.DeliveryMode.PERSISTENT)

    settings = Settings("postgresql://x", schema=schema, amqp_url=amqp_url)
    async with databases.opened(Settings(tasks._pool._connect.args[0], schema=schema)) as parts:
        working = asyncio.create_task(queue.work(Worker(tasks, parts), settings.task_workers))
        async with asyncio.timeout(30):
            while (await tasks.find(task)).status != "completed":
                await asyncio.sleep(0.02)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    await delete_queue(amqp_url, name)


async def test_a_queue_that_is_deleted_is_made_again(amqp_url, tasks, schema, monkeypatch):
    """The worker notices that nobody tells it anything any more; a message that was lost with the queue is sent again."""
    monkeypatch.setattr(queue_amqp, "PAUSE_S", 0.05)
    monkeypatch.setattr(queue_amqp, "UNTOLD_AFTER_S", 0)
    monkeypatch.setattr(queue_amqp, "UNTOLD_AGAIN_S", 1.0)
    url = tasks._pool._connect.args[0]
    async with databases.opened(Settings(url, schema=schema)) as parts:
        queue = AmqpQueue(amqp_url, f"{schema}.tasks", tasks)
        working = [
            asyncio.create_task(queue.work(Worker(tasks, parts), 4)),
            asyncio.create_task(queue.sweep()),
        ]
        for _ in range(2):
            task = await tasks.submit("wait", {"seconds": 0}, "name:me")
            async with asyncio.timeout(100):
                while (await tasks.find(task)).status != "completed":
                    await asyncio.sleep(0.02)
            await delete_queue(amqp_url, f"{schema}.tasks")
        for one in working:
            one.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        await queue.close()
    await delete_queue(amqp_url, f"{schema}.tasks")


async def test_tasks_are_taken_while_the_broker_is_away_and_told_when_it_is_back(
    amqp_url, tasks, schema, monkeypatch
):
    """The sweep publishes what no message told of."""
    away = AmqpQueue("amqp://guest:guest@127.0.0.1:1/", f"{schema}.tasks", tasks)
    task = await tasks.submit("wait", {"seconds": 0}, "name:me")
    await away.publish(task)  # says so in the log, and no more
    with pytest.raises(QueueUnreachableError):
        await away.check()
    monkeypatch.setattr(queue_amqp, "UNTOLD_AFTER_S", 0)
    monkeypatch.setattr(queue_amqp, "PAUSE_S", 0.05)
    back = AmqpQueue(amqp_url, f"{schema}.tasks", tasks)
    sweeping = [asyncio.create_task(queue.sweep()) for queue in (away, back)]
    async with asyncio.timeout(30):
        while await tasks.untold(after_s=0, again_s=300):
            await asyncio.sleep(0.02)
    for one in sweeping:
        one.cancel()
    await asyncio.gather(*sweeping, return_exceptions=True)
    await back.close()
    async with await aio_pika.connect(amqp_url) as connection:
        queue = await (await connection.channel()).declare_queue(f"{schema}.tasks", durable=True)
        assert (await queue.get(timeout=60)).body.decode() == task
    await delete_queue(amqp_url, f"{schema}.tasks")
