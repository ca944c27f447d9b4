"""The brokers that tests use: real ones, shared by a test run, and gone with it."""

import asyncio
import signal
import subprocess
from pathlib import Path

import aio_pika
import aiohttp
import pytest
from redis.asyncio import Redis

from harness.run_directory.undo import read_open
from harness.services.processes import readiness
from tests import brokers, getting


async def test_the_redis_of_the_tests_is_real(redis_url: str) -> None:
    """What is written is read."""
    async with Redis.from_url(redis_url) as redis:
        await redis.set("test_brokers:a", "b", ex=60)
        assert await redis.getdel("test_brokers:a") == b"b"


async def test_the_rabbitmq_of_the_tests_is_real(rabbitmq: brokers.Broker, amqp_url: str) -> None:
    """What is published is delivered; the management API knows the queue, where the package has one."""
    assert amqp_url == rabbitmq.url
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(auto_delete=True)
        await channel.default_exchange.publish(aio_pika.Message(b"hello"), queue.name)
        message = await queue.get(timeout=60)
        assert message is not None
        assert message.body == b"hello"
        if rabbitmq.management_url:
            async with (
                aiohttp.ClientSession() as client,
                client.get(f"{rabbitmq.management_url}/api/queues/%2F/{queue.name}") as reply,
            ):
                assert reply.status == 200
        await message.ack()


async def test_a_shared_broker_is_one_and_ends_with_the_test_run(tmp_path: Path) -> None:
    """Even with one that is killed; nothing of it is left."""
    if not brokers.are_installed("redis"):
        pytest.skip(getting.redis())
    test_run = subprocess.Popen(["sleep", "600"])
    try:
        broker, again = (brokers.shared("redis", tmp_path / "place", test_run.pid) for _ in range(2))
        assert broker == again
        port = int(broker.url.rpartition(":")[2].partition("/")[0])
        await readiness.until(readiness.port(port), 20)
    finally:
        test_run.send_signal(signal.SIGKILL)
        test_run.wait()

    async def all_gone() -> str | None:
        left = read_open(tmp_path / "place" / "undo.jsonl")
        return f"{left} are left" if left else None

    await readiness.until(readiness.Ready("the end of all of it", all_gone), 20)
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)
