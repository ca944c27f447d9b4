"""The target and the results of the whole run: totals, operations, failures, sessions, work, retries."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from harness.run_directory.results.figures import Amount, Count, Latency, Number, Share, Times

Unsayable = Annotated[Count | None, Meta(description="null: unknown, for the reason in unread")]


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The name and version that the server gives of itself."""

    name: str | None
    version: str | None


class Target(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The server under test; null where the harness cannot see it."""

    url: str | None
    transport: str | None
    protocol: str | None
    server: Server | None
    cpu_max: Number | None
    rss_max_mb: Number | None
    insecure: bool | UnsetType = UNSET  # true: certificates were not checked


class Totals(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole run: requests and bytes count all rows, everything else only the calls of the load."""

    requests: Count
    calls: Count
    ok: Count
    failed: Count
    neither: Count
    rate_limited: Count
    not_sent: int | None
    success_rate: Share | None
    throughput_rps: Number | None
    offered_rps: Number | None
    bytes_in: Count
    bytes_out: Count


class OperationResult(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The calls of one operation by one class of users."""

    operation: str
    user_class: str
    requests: Count
    ok: Count
    failed: Count
    success_rate: Share | None
    throughput_rps: Number | None
    latency_ms: Latency


class Covered(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that the server offers, when all of them are to be called: how often it was, or why it was not."""

    kind: Literal["tool", "resource", "template", "prompt"]
    name: str
    calls: Count
    ok: Count
    failed: Count
    refused_arguments: Annotated[
        Count, Meta(description="of the failed calls: those that were refused for their arguments")
    ]
    left_out: Annotated[str | None, Meta(description="why the load does not call it; null: it does")]


class Failure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of failure: how often it occurred, and when first and last."""

    outcome: str
    detail: str
    count: Count
    first_s: Number
    last_s: Number


class Sessions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sessions that were opened, lost and reopened."""

    opened: Count
    lost: Count
    reopened: Count
    survived_restart: bool | None


class Processes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sessions over stdio: processes that were started, and what each has used; null is what nobody has seen."""

    started: Count
    failed: Count
    start_ms_median: Number | None
    start_ms_max: Number | None
    cpu_s_median: Number | None
    cpu_s_max: Number | None
    rss_mb_median: Number | None
    rss_mb_max: Number | None


class RelayedProcess(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A process of the target behind the balancer."""

    name: str
    requests: Count
    sessions: Annotated[Count, Meta(description="sessions that it has opened")]


class Relayed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A target that runs as several processes, behind a balancer of the harness."""

    balance: str
    processes: tuple[RelayedProcess, ...]
    lost_elsewhere: Annotated[
        Count, Meta(description="sessions lost because another process was asked than the one that has them")
    ]
    lost_replaced: Annotated[Count, Meta(description="sessions lost with a process that was replaced")]
    lost_forgotten: Annotated[
        Count, Meta(description="sessions that the process that had opened them did not know")
    ]
    refused: Annotated[Count, Meta(description="requests for which no process was there")]
    cut: Annotated[Count, Meta(description="calls that a process ended in the middle")]


class Authorization(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who the clients were, and what that cost; tokens are asked for beside the load, and it waits for none of them."""

    source: Annotated[str | None, Meta(description="where tokens came from; null: no target.auth")]
    unauthorized: Annotated[Count, Meta(description="rows that ended as unauthorized: 401 or 403")]
    tokens: Count
    token_failures: Annotated[Count, Meta(description="attempts that brought no token")]
    renewed_after_refusal: Annotated[
        Count, Meta(description="tokens that were asked for because a call was refused")
    ]
    token_ms_mean: Number | None
    token_ms_max: Number | None
    token_lives_s: Annotated[
        Number | None, Meta(description="how long the last one is valid; null: nobody says")
    ]


class Promises(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tasks (or records of executions) that the server acknowledged, and what became of them."""

    acknowledged: Count
    missing: Count | None
    duplicated: Count | None
    indeterminate: Count
    refused: Count


class WorkResult(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The entries that were written to be counted, and what became of them."""

    acknowledged: Count
    missing: Unsayable
    duplicated: Unsayable
    indeterminate: Count
    refused: Annotated[Count, Meta(description="answered with an error, or never delivered")]
    refused_why: Annotated[str | None, Meta(description="the most common of these answers")]
    unread: Annotated[str | None, Meta(description="why what was acknowledged could not be read back")]
    tasks: Promises | None
    executions: Promises | None


class RetryPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How clients retry a failed call."""

    attempts: Count
    backoff_s_first: Amount | None
    backoff_s_most: Amount | None
    budget: Number | None


class KeptDown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault after whose end retries kept the service down; figures are per second."""

    fault: str
    goodput_rps_before: Amount
    goodput_rps: Amount
    offered_rps_before: Amount
    offered_rps: Amount
    retried_share: Share


class Retries(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calls that clients retried, and how they ended."""

    policy: RetryPolicy
    calls: Count
    retried: Count
    succeeded: Count
    given_up: Count
    budget_exhausted: Count
    success_rate: Share | None
    latency_ms: Times
    kept_down: tuple[KeptDown, ...]
