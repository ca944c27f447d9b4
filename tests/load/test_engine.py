"""What the processes of a load are told."""

import json

from harness.foundation.secrets import hiding
from harness.load.engine import LoadSpec


def test_a_worker_elsewhere_is_told_of_no_secret_that_it_does_not_send() -> None:
    """One on this machine hides all; one on another knows what it is given, and nothing of this machine's environment."""
    for secret in ("header-1-Zq7", "environment-2-Zq7"):
        hiding.learn(secret)
    door = "http://127.0.0.1:1"
    spec = LoadSpec(
        base_url=door, mcp_url=door, ws_url=door, protocol="plain", spool_dir="/x", epoch_ns=0,
        headers={"Authorization": "Bearer header-1-Zq7"},
    )  # fmt: skip
    assert set(json.loads(spec.to_json())["hidden"]) == {"header-1-Zq7", "environment-2-Zq7"}
    told = spec.for_others().to_json()
    assert set(json.loads(told)["hidden"]) == {"header-1-Zq7"}
    assert "environment" not in told

    hiding.forget()
    LoadSpec.from_json(told)
    assert hiding.hide("it said header-1-Zq7") == "it said (hidden)"
