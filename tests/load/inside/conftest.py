"""Locust, for tests of what runs inside it, without what it does to a whole process when it is imported.

It would replace threads, sockets and locks by gevent's, in a process where pytest's own workers need them.
What that makes of us is tested where it happens, in Locust's own processes (tests/integration, tests/e2e).
"""

import pytest

with pytest.MonkeyPatch.context() as patch:
    patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # here only: what tests start must not inherit it
    import locust  # noqa: F401
