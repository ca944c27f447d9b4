"""Which part is replaced by which deviation; a part that is not broken is given back as it is."""

import logging
from collections.abc import Mapping

from starlette.types import ASGIApp

from harness.target.broken import BREAKS
from harness.target.broken.ack_before_commit import append_entry
from harness.target.broken.greedy_cleanup import GreedyCleanup
from harness.target.broken.leaky_context import LeakyPool
from harness.target.broken.no_durability import make_volatile
from harness.target.broken.open_door import OpenDoor
from harness.target.broken.sessions_in_memory import MemorySessions
from harness.target.broken.slow_leak import SlowLeak
from harness.target.clients import Clients
from harness.target.databases import Databases
from harness.target.doors.keys import Keys
from harness.target.sessions import Sweep
from harness.target.sessions_postgres import PostgresSessions
from harness.target.sessions_redis import RedisSessions
from harness.target.settings import Settings
from harness.target.tools import Tool

Store = PostgresSessions | RedisSessions | MemorySessions
log = logging.getLogger(__name__)


async def databases(settings: Settings, sound: Databases) -> Databases:
    for name in settings.broken:
        log.warning("Broken on purpose: %s.", BREAKS[name])
    if "no-durability" in settings.broken:
        await make_volatile(sound.own)
    if "leaky-context" in settings.broken:
        return Databases(sound.own, {name: LeakyPool(pool) for name, pool in sound.read.items()})  # type: ignore[misc]
    return sound


def sessions(settings: Settings, sound: PostgresSessions | RedisSessions) -> Store:
    return MemorySessions(settings.session_ttl_s) if "sessions-in-memory" in settings.broken else sound


def sweep(settings: Settings, parts: Databases, sound: Sweep) -> Sweep:
    return GreedyCleanup(parts.own).sweep if "greedy-cleanup" in settings.broken else sound


def keys(settings: Settings, sound: Clients) -> Keys:
    return OpenDoor(sound) if "open-door" in settings.broken else sound


def tools(settings: Settings, sound: Mapping[str, Tool]) -> Mapping[str, Tool]:
    if "ack-before-commit" not in settings.broken:
        return sound
    return {**sound, "append_entry": append_entry(sound["append_entry"])}


def door(settings: Settings, sound: ASGIApp) -> ASGIApp:
    return SlowLeak(sound) if "slow-leak" in settings.broken else sound
