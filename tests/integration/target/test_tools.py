"""The tools through the plain door, on a real PostgreSQL: every query that the load's users send, and refusals."""

import asyncio
import json
from datetime import datetime

import asyncpg
import pytest

from harness.reference import seed
from harness.reference.dialect import DATABASES, SCHEMAS

VIEWS = {
    "PUBLIC": ["ACTIVE_CUSTOMERS", "OPEN_ORDERS", "ORDER_TOTALS"],
    "STAGING": ["ORDERS_PARSED", "ORDERS_UNPAID"],
    "REPORTING": ["DAILY_REVENUE", "REVENUE_BY_REGION", "TOP_CUSTOMERS"],
}


@pytest.fixture
async def tool(serve_target, http):
    """Call a tool of a fresh target; the result object of its answer."""
    url = await serve_target()

    async def call(name, **arguments):
        body = {"jsonrpc": "2.0", "id": 1, "method": name, "params": arguments}
        async with http.post(f"{url}/mcp/tools/call", json=body) as response:
            assert response.status == 200
            return (await response.json())["result"]

    return call


async def query(tool, text, **arguments):
    result = await tool("execute_query", query=text, **arguments)
    assert not result["isError"], result
    return result["structuredContent"]


def words(result):
    assert result["isError"], result
    return result["content"][0]["text"]


async def test_list_databases_names_the_three(tool):
    """list_databases reads the three databases from the server's own catalogue."""
    result = await tool("list_databases")

    assert [row["name"] for row in result["structuredContent"]["databases"]] == sorted(DATABASES)
    assert result["structuredContent"]["count"] == 3


@pytest.mark.parametrize("schema_name", SCHEMAS)
@pytest.mark.parametrize("database", DATABASES)
async def test_list_views_names_the_views(tool, database, schema_name):
    """Every schema of every database has its views."""
    result = await tool("list_views", database=database, schema=schema_name)

    assert [view["name"] for view in result["structuredContent"]["views"]] == VIEWS[schema_name]


@pytest.mark.parametrize("database", DATABASES)
async def test_light_users_queries_run(tool, database):
    """Each query of the light user works in each database, with its limit of 10."""
    one = await query(tool, "SELECT 1 as test_column", database=database, limit=10)
    name = await query(tool, "SELECT CURRENT_DATABASE()", database=database, limit=10)
    now = await query(tool, "SELECT CURRENT_TIMESTAMP()", database=database, limit=10)
    tables = await query(tool, f"SHOW TABLES IN {database}.PUBLIC LIMIT 5", limit=10)

    assert one == {"columns": ["test_column"], "rows": [[1]], "row_count": 1}
    assert name["rows"] == [[database]]
    assert datetime.fromisoformat(now["rows"][0][0]).tzinfo is not None
    assert tables["row_count"] == 5
    assert {row[1] for row in tables["rows"]} == {database}


async def test_heavy_users_query_runs(tool):
    """The heavy user's SELECT 1 with limit 1."""
    assert (await query(tool, "SELECT 1", limit=1))["rows"] == [[1]]


async def test_every_view_can_be_described_and_read(tool):
    """describe_view names the columns that query_view returns, for every view."""
    for schema_name, views in VIEWS.items():
        for view in views:
            described = await tool("describe_view", database="TEST_DB", schema=schema_name, view=view)
            read = await tool("query_view", database="TEST_DB", schema=schema_name, view=view, limit=3)
            named = [column["name"] for column in described["structuredContent"]["columns"]]

            assert named == [column.upper() for column in read["structuredContent"]["columns"]], view
            assert 1 <= read["structuredContent"]["row_count"] <= 3


async def test_a_missing_view_is_told(tool):
    """A view that is not there is a tool error that says so, for both tools."""
    where = {"database": "TEST_DB", "schema": "PUBLIC", "view": 'no"where'}

    assert "no view" in words(await tool("describe_view", **where))
    assert "does not exist" in words(await tool("query_view", **where))


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT id FROM orders ORDER BY id", [[1], [2], [3]]),
        ("SELECT id FROM orders ORDER BY id LIMIT 2", [[1], [2]]),
        ("SELECT id FROM orders ORDER BY id LIMIT 500", [[1], [2], [3]]),
        ("SELECT TOP 1 id FROM orders ORDER BY id", [[1]]),
        ("SELECT id FROM orders ORDER BY id LIMIT 1 + 1", [[1], [2]]),
        ("SELECT id FROM orders ORDER BY id FETCH FIRST 2 ROWS ONLY", [[1], [2]]),
        ("SELECT 1 UNION ALL SELECT 2", [[1], [2]]),
        ("VALUES (1), (2), (3), (4)", [[1], [2], [3]]),
        ("WITH o AS (SELECT id FROM orders) SELECT count(*) FROM o", [[1000]]),
        ('SELECT name FROM "TEST_DB"."PUBLIC".REGIONS ORDER BY id LIMIT 1', [["north"]]),
        ("SELECT IFF(1 > 0, 'yes', 'no')", [["yes"]]),
    ],
)
async def test_limit_holds_whatever_the_query_says(tool, text, rows):
    """At most `limit` rows come back; a lower limit of the query's own stands."""
    assert (await query(tool, text, limit=3))["rows"] == rows


async def test_three_part_name_chooses_the_database(tool):
    """DB.SCHEMA.NAME is read from DB, whatever the database argument says."""
    text = "SELECT DISTINCT current_database() FROM ANALYTICS_DB.PUBLIC.ORDERS"

    assert (await query(tool, text, database="STAGING_DB"))["rows"] == [["ANALYTICS_DB"]]


async def test_values_become_plain_json(tool):
    """Numbers, times, bytes, arrays, JSON and what JSON cannot say arrive readable."""
    text = (
        "SELECT 1.50::numeric(5, 2), 2.5::float8, 'NaN'::float8, '2026-01-02'::date, NULL, TRUE,"
        " '6d63'::binary, ARRAY_CONSTRUCT(1, 2), 1 AS same, 2 AS same, document FROM staging.orders_raw LIMIT 1"
    )
    row = (await query(tool, text))["rows"][0]

    assert row[:10] == ["1.50", 2.5, "nan", "2026-01-02", None, True, "36643633", [1, 2], 1, 2]
    assert json.loads(row[10]) == {"order": 1, "source": "web"}


async def test_columns_are_named_without_rows(tool):
    """An empty answer still names its columns."""
    answer = await query(tool, "SELECT id, status FROM orders WHERE FALSE")

    assert answer == {"columns": ["id", "status"], "rows": [], "row_count": 0}


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE orders",
        "DELETE FROM orders",
        "UPDATE orders SET status = 'x'",
        "INSERT INTO orders VALUES (1)",
        "CREATE TABLE x (a int)",
        "SELECT * INTO copied FROM orders",
        "SELECT 1; SELECT 2",
        "SELECT id FROM orders FOR UPDATE",
        "TRUNCATE TABLE orders",
        "SET statement_timeout = 0",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT pg_terminate_backend(1)",
    ],
)
async def test_what_writes_is_refused_before_it_runs(tool, text):
    """Everything that is not one reading query is a tool error, and the data stays."""
    refused = words(await tool("execute_query", query=text))

    assert "Traceback" not in refused
    assert (await query(tool, "SELECT count(*) FROM orders"))["rows"] == [[1000]]


async def test_postgres_itself_refuses_to_write(tool):
    """The second line of defence: the tool's connections are read-only for PostgreSQL."""
    text = "SELECT current_setting('default_transaction_read_only'), current_setting('transaction_read_only')"

    assert (await query(tool, text))["rows"] == [["on", "on"]]


async def test_the_tools_read_as_a_role_without_rights_to_more(tool, postgres_url):
    """The third line of defence: the role reads the three schemas, cannot log in, and is nobody's master."""
    assert (await query(tool, "SELECT current_user, session_user = current_user"))["rows"] == [
        ["harness_target_reader", False]
    ]
    connection = await asyncpg.connect(postgres_url, database="TEST_DB")
    try:
        rights = await connection.fetchrow(
            "SELECT rolcanlogin OR rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls,"
            " has_table_privilege($1, 'public.orders', 'SELECT'), has_table_privilege($1, 'public.orders',"
            " 'INSERT, UPDATE, DELETE, TRUNCATE'), has_schema_privilege($1, 'staging', 'CREATE')"
            " FROM pg_roles WHERE rolname = $1",
            "harness_target_reader",
        )
    finally:
        await connection.close()
    assert tuple(rights) == (False, True, False, False)


async def test_slow_statement_is_stopped(serve_target, http):
    """A statement over its time is ended by PostgreSQL, and the tool says why."""
    url = await serve_target(statement_timeout_s=0.05)
    body = {"jsonrpc": "2.0", "id": 1, "method": "execute_query", "params": {"query": "SELECT pg_sleep(60)"}}
    async with http.post(f"{url}/mcp/tools/call", json=body) as response:
        result = (await response.json())["result"]

    assert "statement timeout" in words(result)


async def test_full_pool_says_busy(serve_target, http, postgres_url):
    """With every connection in use a call waits its limit, then says busy; afterwards all is well."""
    url = await serve_target(pool_max=1, pool_wait_s=0.05)

    async def run(text):
        body = {"jsonrpc": "2.0", "id": 1, "method": "execute_query", "params": {"query": text}}
        async with http.post(f"{url}/mcp/tools/call", json=body) as response:
            return (await response.json())["result"]

    slow = asyncio.create_task(run("SELECT 'busy', pg_sleep(1)"))
    connection = await asyncpg.connect(postgres_url)
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT ''busy''%' AND state = 'active'"
    async with asyncio.timeout(20):
        while not await connection.fetchval(running):
            await asyncio.sleep(0.005)
    await connection.close()

    assert "no free database connection within 0.05 s" in words(await run("SELECT 1"))
    assert not (await slow)["isError"]
    assert not (await run("SELECT 1"))["isError"]


async def test_databases_are_filled_once(serve_target, postgres_url):
    """A second start leaves the data and its mark alone."""
    await serve_target()
    before = await version_of_orders(postgres_url)
    await seed.ensure(postgres_url, connect_timeout_s=5)

    assert await version_of_orders(postgres_url) == before


async def version_of_orders(postgres_url):
    connection = await asyncpg.connect(postgres_url, database="TEST_DB")
    try:
        return await connection.fetchrow("SELECT count(*), max(xmin::text) FROM orders")
    finally:
        await connection.close()
