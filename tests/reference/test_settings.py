"""Settings: what is refused before anything starts, and what is shown of a URL."""

import pytest

from harness.foundation.errors import UsageError
from harness.reference.settings import Settings, without_password

URL = "postgresql://u@127.0.0.1/postgres"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"database_url": "mysql://127.0.0.1/x"}, "needs a PostgreSQL database"),
        ({"database_url": "mysql://u:secret@127.0.0.1/x"}, r"u:\*\*\*@"),
        ({"redis_url": "http://u:secret@127.0.0.1"}, "The Redis URL is not one"),
        ({"redis_url": "http://u:secret@127.0.0.1"}, r"u:\*\*\*@"),
        ({"amqp_url": "http://u:secret@h"}, r"u:\*\*\*@h does not begin with amqp"),
        ({"task_workers": -1}, "--task-workers cannot be -1"),
        ({"worker": True, "task_workers": 0}, "--task-workers cannot be 0"),
        ({"sessions": "memory"}, "cannot be kept in 'memory'"),
        ({"sessions": "redis"}, "cannot be kept in Redis"),
        ({"schema": 'x"; DROP'}, "cannot name"),
        ({"schema": "Upper"}, "cannot name"),
        ({"schema": "pg_mine"}, "cannot name"),
        ({"port": 65536}, "no port 65536"),
        ({"port": -1}, "no port -1"),
        ({"pool_max": 0}, "cannot work"),
        ({"pool_min": 5, "pool_max": 4}, "pool of 5 to 4"),
        ({"result_bytes_max": 0}, "--result-bytes-max cannot be 0"),
        ({"trusted_proxies": ("10.0.0.7", "proxy.example")}, "'proxy.example' is not the address of a proxy"),
        ({"session_ttl_s": 0}, "not positive"),
        ({"health_timeout_s": -1}, "not positive"),
    ],
)
def test_what_cannot_work_is_a_usage_error(changes, words):
    """Bad values end with what, why and what to do."""
    with pytest.raises(UsageError, match=words):
        Settings(**{"database_url": URL, **changes})


def test_defaults_stay_on_loopback():
    """Without being told otherwise the service is not to be reached from outside."""
    assert Settings(URL).host == "127.0.0.1"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:secret@h:5/d", "postgresql://u:***@h:5/d"),
        ("postgresql://u@h:5/d", "postgresql://u@h:5/d"),
        ("postgresql://h:5/d", "postgresql://h:5/d"),
    ],
)
def test_passwords_are_not_shown(url, shown):
    """Error messages show the URL without its password."""
    assert without_password(url) == shown


@pytest.mark.parametrize(
    ("changes", "in_redis"),
    [
        ({}, False),
        ({"redis_url": "redis://h"}, True),
        ({"redis_url": "redis://h", "sessions": "postgres"}, False),
        ({"redis_url": "redis://h", "sessions": "redis"}, True),
    ],
)
def test_sessions_are_kept_where_there_is_a_redis_unless_told(changes, in_redis):
    """A Redis that is named is used, unless PostgreSQL is asked for."""
    assert Settings(URL, **changes).sessions_in_redis is in_redis
