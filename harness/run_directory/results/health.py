"""The load generator's own health: whether what was measured is the server, or the harness."""

from msgspec import Struct

from harness.run_directory.results.figures import Count, Number


class Added(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Milliseconds that the load generator itself added to the percentiles of the measured part; null where it was not measured."""

    p50: Number | None
    p95: Number | None
    p99: Number | None


class GeneratorHealth(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The load generator: how busy it was, the time it added, and whether every call it started was recorded."""

    workers: int | None
    cpu_max: Number | None
    run_delay_max: Number | None
    lag_ms_p99: Number | None
    added_ms: Added
    clock_error_ms: Number | None
    saturated: bool | None
    started: Count
    recorded: Count
    lost: Count
    lost_at_least: bool
    not_held: Count
    strangers_refused: Count
