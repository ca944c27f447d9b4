"""Lets gevent patch the process of a master or a worker, before it imports anything else.

gevent announces each of some 25 steps to plug-ins, for which it reads the metadata of all installed packages each time;
Locust then patches once more. That is half of what such a process imports, and nobody plugs anything into ours.
"""

from gevent import events, monkey


def patch() -> None:
    events.notify_and_call_entry_points = events.notify
    monkey.patch_all()
