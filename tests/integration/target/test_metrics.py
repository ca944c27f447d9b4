"""/metrics, read as strictly as Prometheus reads it."""

import re

import pytest

from harness.reference.doors.metrics import _escaped

SAMPLE = re.compile(r'([a-z_:][a-z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\n"])*",?)+)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def parsed(text):
    """Samples by name and labels; everything the format asks for is asserted on the way."""
    samples, types, family = {}, {}, None
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
            assert family not in types
            continue
        if line.startswith("# TYPE "):
            assert line.split()[2] == family
            types[family] = line.split()[3]
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        name = match[1]
        assert name == family or (
            types[family] == "histogram" and name.removeprefix(family) in {"_bucket", "_sum", "_count"}
        )
        key = (name, frozenset(LABEL.findall(match[2] or "")))
        assert key not in samples
        samples[key] = float(match[3])
    return samples, types


@pytest.fixture
async def scraped(serve_target, http):
    """The samples after three calls, one of them an error, and one of a tool that nobody has."""
    url = await serve_target(rate_limit=1000)
    for name, params in (
        ("list_databases", {}),
        ("execute_query", {"query": "SELECT 1"}),
        ("execute_query", {"query": "DROP TABLE x"}),
        ("invented", {}),
    ):
        body = {"jsonrpc": "2.0", "id": 1, "method": name, "params": params}
        async with http.post(f"{url}/mcp/tools/call", json=body) as response:
            assert response.status == 200
    async with http.get(f"{url}/metrics") as response:
        assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        return parsed(await response.text())


def test_what_happened_is_in_the_page(scraped):
    """Requests, executions by outcome, pools, sessions, limits, the process."""
    samples, types = scraped

    def value(name, **labels):
        return samples[f"harness_target_{name}", frozenset(labels.items())]

    assert value("requests_total", door="plain") == 4
    assert value("executions_total", tool="execute_query", outcome="ok") == 1
    assert value("executions_total", tool="execute_query", outcome="refused") == 1
    assert value("executions_total", tool="unknown", outcome="unknown_tool") == 1
    assert value("sessions_open") == 0
    assert value("calls_in_flight") == 0
    assert value("calls_refused_total", limit="rate") == 0
    assert value("pool_max", database="TEST_DB") == 10
    assert value("pool_uses_total", database="TEST_DB") == 1
    assert value("executions_lost_total") == 0
    assert samples["process_resident_memory_bytes", frozenset()] > 1e6
    assert types["harness_target_request_duration_seconds"] == "histogram"


def test_histograms_are_cumulative_and_agree_with_their_counts(scraped):
    """Each bucket holds those below it; +Inf is the count."""
    samples, _ = scraped
    name = "harness_target_request_duration_seconds"
    buckets = {
        float(dict(labels)["le"]): value
        for (sample, labels), value in samples.items()
        if sample == f"{name}_bucket" and ("door", "plain") in labels
    }
    ordered = [buckets[bound] for bound in sorted(buckets)]

    assert len(ordered) == 15
    assert ordered == sorted(ordered)
    assert buckets[float("inf")] == samples[f"{name}_count", frozenset({("door", "plain")})] == 4


async def test_a_database_that_is_gone_leaves_its_numbers_out(serve_target, http, postgres_url, schema):
    """What is not known is absent, not zero; the page answers all the same."""
    import asyncpg

    url = await serve_target()
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"DROP SCHEMA {schema} CASCADE")
    await connection.close()
    async with http.get(f"{url}/metrics") as response:
        samples, types = parsed(await response.text())

    assert "harness_target_sessions_open" in types
    assert ("harness_target_sessions_open", frozenset()) not in samples


def test_label_values_are_escaped():
    """Whatever a name holds, the page stays readable."""
    assert _escaped('a"b\\c\nd') == 'a\\"b\\\\c\\nd'
