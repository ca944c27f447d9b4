"""Replaces the parts that are broken on purpose; any other part is returned as it is."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from starlette.types import ASGIApp

from harness.reference.broken import BREAKS
from harness.reference.broken.ack_before_commit import append_entry
from harness.reference.broken.greedy_cleanup import GreedyCleanup
from harness.reference.broken.leaky_context import LeakyPool
from harness.reference.broken.no_durability import make_volatile
from harness.reference.broken.open_door import OpenDoor
from harness.reference.broken.sessions_in_memory import MemorySessions
from harness.reference.broken.slow_leak import SlowLeak
from harness.reference.broken.slow_query import execute_query
from harness.reference.clients import Clients
from harness.reference.databases import Databases
from harness.reference.doors.keys import Keys
from harness.reference.sessions import Sweep
from harness.reference.sessions_postgres import PostgresSessions
from harness.reference.settings import Settings
from harness.reference.tools import Tool

if TYPE_CHECKING:
    from harness.reference.sessions_redis import RedisSessions

Store: TypeAlias = "PostgresSessions | RedisSessions | MemorySessions"
log = logging.getLogger(__name__)


async def databases(settings: Settings, sound: Databases) -> Databases:
    for name in settings.broken:
        log.warning("Broken on purpose: %s.", BREAKS[name])
    if "no-durability" in settings.broken:
        await make_volatile(sound.own)
    if "leaky-context" in settings.broken:
        return Databases(sound.own, {name: LeakyPool(pool) for name, pool in sound.read.items()})  # type: ignore[misc]
    return sound


def sessions(settings: Settings, sound: "PostgresSessions | RedisSessions") -> Store:
    return MemorySessions(settings.session_ttl_s) if "sessions-in-memory" in settings.broken else sound


def sweep(settings: Settings, parts: Databases, sound: Sweep) -> Sweep:
    return GreedyCleanup(parts.own).sweep if "greedy-cleanup" in settings.broken else sound


def keys(settings: Settings, sound: Clients) -> Keys:
    return OpenDoor(sound) if "open-door" in settings.broken else sound


def tools(settings: Settings, sound: Mapping[str, Tool]) -> Mapping[str, Tool]:
    replaced = dict(sound)
    if "ack-before-commit" in settings.broken:
        replaced["append_entry"] = append_entry(sound["append_entry"])
    if "slow-query" in settings.broken:
        replaced["execute_query"] = execute_query(sound["execute_query"])
    return replaced


def door(settings: Settings, sound: ASGIApp) -> ASGIApp:
    return SlowLeak(sound) if "slow-leak" in settings.broken else sound
