"""The three databases that the tools read: made and filled when the service starts, once.

Idempotent, and safe when several targets start on one server: an advisory lock lets one of them work. What is
there already is left alone; a database of the same name without our mark gets our schemas added, nothing is
ever dropped. The tools read as the role READER, which can log in nowhere and may read these schemas and no more;
views are read with the rights of their owner, as everywhere. The data is the same everywhere: computed from row numbers, without chance or dates of today.
"""

from harness.reference.connecting import connection
from harness.reference.dialect import DATABASES

MARK = "reference data of the MCP harness, version 2"
READER = "harness_target_reader"
_LOCK_KEY = 0x6D6370  # "mcp"

_DATA = """
CREATE SCHEMA IF NOT EXISTS public;
CREATE SCHEMA IF NOT EXISTS staging;
CREATE SCHEMA IF NOT EXISTS reporting;

CREATE TABLE IF NOT EXISTS public.regions (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE IF NOT EXISTS public.customers (
  id int PRIMARY KEY, name text NOT NULL, region_id int NOT NULL, active boolean NOT NULL);
CREATE TABLE IF NOT EXISTS public.products (id int PRIMARY KEY, name text NOT NULL, price numeric(10, 2) NOT NULL);
CREATE TABLE IF NOT EXISTS public.orders (
  id int PRIMARY KEY, customer_id int NOT NULL, ordered_at timestamptz NOT NULL, status text NOT NULL);
CREATE TABLE IF NOT EXISTS public.order_lines (
  order_id int, line int, product_id int NOT NULL, quantity int NOT NULL, PRIMARY KEY (order_id, line));
CREATE TABLE IF NOT EXISTS public.payments (
  id int PRIMARY KEY, order_id int NOT NULL, amount numeric(10, 2) NOT NULL);
CREATE TABLE IF NOT EXISTS staging.orders_raw (id int PRIMARY KEY, document jsonb NOT NULL);
CREATE TABLE IF NOT EXISTS reporting.targets (region_id int PRIMARY KEY, revenue numeric(12, 2) NOT NULL);

INSERT INTO public.regions SELECT n, (ARRAY['north', 'east', 'south', 'west'])[n]
  FROM generate_series(1, 4) n ON CONFLICT DO NOTHING;
INSERT INTO public.customers SELECT n, 'customer ' || n, 1 + n % 4, n % 5 <> 0
  FROM generate_series(1, 200) n ON CONFLICT DO NOTHING;
INSERT INTO public.products SELECT n, 'product ' || n, 1 + n * 0.75
  FROM generate_series(1, 50) n ON CONFLICT DO NOTHING;
INSERT INTO public.orders SELECT n, 1 + n * 7 % 200, '2026-01-01 00:00Z'::timestamptz + n * interval '3 hours',
  (ARRAY['open', 'paid', 'sent'])[1 + n % 3] FROM generate_series(1, 1000) n ON CONFLICT DO NOTHING;
INSERT INTO public.order_lines SELECT n, line, 1 + (n * line) % 50, 1 + (n + line) % 4
  FROM generate_series(1, 1000) n, generate_series(1, 3) line ON CONFLICT DO NOTHING;
INSERT INTO public.payments SELECT n, n, 10 + n % 90 FROM generate_series(1, 1000) n
  WHERE n % 3 <> 0 ON CONFLICT DO NOTHING;
INSERT INTO staging.orders_raw SELECT n, jsonb_build_object('order', n, 'source', 'web')
  FROM generate_series(1, 200) n ON CONFLICT DO NOTHING;
INSERT INTO reporting.targets SELECT n, n * 10000 FROM generate_series(1, 4) n ON CONFLICT DO NOTHING;

CREATE OR REPLACE VIEW public.active_customers AS
  SELECT c.id, c.name, r.name AS region FROM public.customers c
  JOIN public.regions r ON r.id = c.region_id WHERE c.active;
CREATE OR REPLACE VIEW public.order_totals AS
  SELECT o.id, o.customer_id, o.ordered_at, sum(l.quantity * p.price) AS total FROM public.orders o
  JOIN public.order_lines l ON l.order_id = o.id JOIN public.products p ON p.id = l.product_id GROUP BY o.id;
CREATE OR REPLACE VIEW public.open_orders AS SELECT * FROM public.orders WHERE status = 'open';
CREATE OR REPLACE VIEW staging.orders_parsed AS
  SELECT id, (document ->> 'order')::int AS order_id, document ->> 'source' AS source FROM staging.orders_raw;
CREATE OR REPLACE VIEW staging.orders_unpaid AS
  SELECT o.id, o.customer_id FROM public.orders o LEFT JOIN public.payments p ON p.order_id = o.id
  WHERE p.id IS NULL;
CREATE OR REPLACE VIEW reporting.daily_revenue AS
  SELECT date_trunc('day', ordered_at) AS day, sum(total) AS revenue FROM public.order_totals GROUP BY 1;
CREATE OR REPLACE VIEW reporting.revenue_by_region AS
  SELECT r.name AS region, sum(t.total) AS revenue FROM public.order_totals t
  JOIN public.customers c ON c.id = t.customer_id JOIN public.regions r ON r.id = c.region_id GROUP BY 1;
CREATE OR REPLACE VIEW reporting.top_customers AS
  SELECT customer_id, sum(total) AS revenue FROM public.order_totals GROUP BY 1 ORDER BY 2 DESC LIMIT 10;
"""

_RIGHTS = f"""
GRANT USAGE ON SCHEMA public, staging, reporting TO {READER};
GRANT SELECT ON ALL TABLES IN SCHEMA public, staging, reporting TO {READER};
ALTER DEFAULT PRIVILEGES IN SCHEMA public, staging, reporting GRANT SELECT ON TABLES TO {READER};
"""
# Whoever serves must be able to become the reader; the one who makes a role is not its member by itself.
_ROLE = f"CREATE ROLE {READER} NOLOGIN; GRANT {READER} TO CURRENT_USER"


async def ensure(database_url: str, *, connect_timeout_s: float) -> None:
    """Make and fill the three databases, unless they are there."""
    async with connection(database_url, connect_timeout_s=connect_timeout_s) as control:
        # Closing the connection releases the lock.
        await control.execute("SELECT pg_advisory_lock($1)", _LOCK_KEY)
        if not await control.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", READER):
            await control.execute(_ROLE)
        rows = await control.fetch("SELECT datname FROM pg_database WHERE datname = ANY($1)", list(DATABASES))
        there = {row["datname"] for row in rows}
        for name in DATABASES:
            if name not in there:
                # template0, since nobody can be connected to it: a connected template cannot be copied
                await control.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
            await _fill(database_url, name, connect_timeout_s)


async def _fill(database_url: str, name: str, connect_timeout_s: float) -> None:
    async with connection(database_url, connect_timeout_s=connect_timeout_s, database=name) as opened:
        mark = await opened.fetchval("SELECT obj_description(to_regnamespace('reporting'), 'pg_namespace')")
        if mark == MARK:
            return
        async with opened.transaction():
            await opened.execute(_DATA)
            await opened.execute(_RIGHTS)
            await opened.execute(f"COMMENT ON SCHEMA reporting IS '{MARK}'")
