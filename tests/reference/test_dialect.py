"""The dialect: what is translated to what, and what is refused with which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reference.dialect import RefusedError, Translation, translate


@pytest.mark.parametrize(
    ("query", "sql", "database"),
    [
        ("SELECT 1 as test_column", "SELECT 1 AS test_column LIMIT CAST($1 AS BIGINT)", None),
        ("SELECT CURRENT_DATABASE();", "SELECT CURRENT_DATABASE() LIMIT CAST($1 AS BIGINT)", None),
        ("SELECT CURRENT_TIMESTAMP()", "SELECT CURRENT_TIMESTAMP LIMIT CAST($1 AS BIGINT)", None),
        ("SELECT 1 LIMIT 5", "SELECT 1 LIMIT LEAST(5, CAST($1 AS BIGINT))", None),
        (
            "SELECT a FROM analytics_db.public.t",
            "SELECT a FROM public.t LIMIT CAST($1 AS BIGINT)",
            "ANALYTICS_DB",
        ),
        ('SELECT a FROM "PUBLIC".t', "SELECT a FROM public.t LIMIT CAST($1 AS BIGINT)", None),
        ("SELECT pg_sleep(1)", "SELECT PG_SLEEP(1) LIMIT CAST($1 AS BIGINT)", None),
    ],
)
def test_queries_are_translated(query, sql, database):
    """The warehouse's words become PostgreSQL's, the database is taken out of names, the limit is bound."""
    assert translate(query) == Translation(sql, database)


@pytest.mark.parametrize(
    ("query", "table", "schemas", "database", "limit"),
    [
        (
            "SHOW TABLES IN TEST_DB.PUBLIC LIMIT 5",
            "pg_tables",
            "('PUBLIC')",
            "TEST_DB",
            "LEAST(5, $1::bigint)",
        ),
        ("SHOW TABLES", "pg_tables", "('PUBLIC', 'STAGING', 'REPORTING')", None, "$1::bigint"),
        (
            "show views in schema staging_db.reporting",
            "pg_views",
            "('REPORTING')",
            "STAGING_DB",
            "$1::bigint",
        ),
        ("SHOW VIEWS IN SCHEMA STAGING", "pg_views", "('STAGING')", None, "$1::bigint"),
        ("SHOW SCHEMAS IN DATABASE TEST_DB", "pg_namespace", "'STAGING'", "TEST_DB", "$1::bigint"),
        ("SHOW TABLES IN ANALYTICS_DB", "pg_tables", "'STAGING'", "ANALYTICS_DB", "$1::bigint"),
        ("SHOW DATABASES LIMIT 2", "pg_database", "'STAGING_DB'", None, "LEAST(2, $1::bigint)"),
    ],
)
def test_show_reads_the_catalogue(query, table, schemas, database, limit):
    """SHOW becomes a query on PostgreSQL's catalogue, in the scope that it names."""
    translation = translate(query)

    assert f"FROM {table} " in translation.sql
    assert schemas in translation.sql
    assert translation.sql.endswith(f" LIMIT {limit}")
    assert translation.database == database


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "is empty"),
        (" ; ", "is empty"),
        ("SELECT (", "cannot be parsed"),
        ("SELECT", "selects nothing"),
        ("x" * 20_001, "longer than 20000"),
        ("SELECT 1; DROP TABLE t", "Only one statement"),
        ("DROP TABLE t", "DROP"),
        ("DELETE FROM t", "DELETE"),
        ("UPDATE t SET a = 1", "UPDATE"),
        ("INSERT INTO t VALUES (1)", "INSERT"),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE", "MERGE"),
        ("CREATE TABLE t AS SELECT 1", "CREATE"),
        ("ALTER TABLE t ADD COLUMN a INT", "ALTER"),
        ("TRUNCATE TABLE t", "TRUNCATE"),
        ("CALL f()", "CALL"),
        ("EXPLAIN SELECT 1", "EXPLAIN"),
        ("GRANT SELECT ON t TO r", "GRANT"),
        ("SET a = 1", "SET"),
        ("USE DATABASE d", "USE"),
        ("BEGIN", "TRANSACTION"),
        ("COMMIT", "COMMIT"),
        ("COPY INTO t FROM '@stage'", "COPY"),
        ("words only", "ALIAS"),
        ("SELECT * INTO y FROM z", "INTO"),
        ("SELECT 1 FROM t FOR UPDATE", "LOCK"),
        ("SELECT * FROM (SELECT 1 FROM t FOR UPDATE) AS q", "LOCK"),
        ("SELECT $1", "Parameters"),
        ("SELECT :a", "Parameters"),
        ("SELECT ?", "Parameters"),
        ("SELECT pg_read_file('/etc/passwd')", "pg_read_file"),
        ("SELECT \"pg_read_file\"('/etc/passwd')", "pg_read_file"),
        ("SELECT pg_catalog.pg_terminate_backend(1)", "pg_terminate_backend"),
        ("SELECT * FROM pg_ls_dir('/')", "pg_ls_dir"),
        ("SELECT SET_CONFIG('a', 'b', FALSE)", "set_config"),
        ("SELECT 1 WHERE nextval('s') > 0", "nextval"),
        ("SELECT query_to_xml('select pg_read_file(1)', true, true, '')", "query_to_xml"),
        ("SELECT lo_import('/etc/passwd')", "lo_import"),
        ("SELECT 1 FROM other_db.public.t", "no database 'other_db'"),
        ("SELECT 1 FROM TEST_DB.PUBLIC.a, STAGING_DB.PUBLIC.b", "STAGING_DB and TEST_DB"),
        ("SHOW GRANTS", "SHOW"),
        ("SHOW USERS", "SHOW USERS is not supported"),
        ("SHOW TABLES LIKE 'a%'", "like"),
        ("SHOW TABLES LIMIT many", "whole number"),
        ("SELECT object_construct( within array_agg( * t LIMIT NULL SELECT 'a'::date", "cannot be parsed"),
        ("SHOW TABLES IN NO_DB.PUBLIC", "no database 'NO_DB'"),
        ("SHOW TABLES IN TEST_DB.NO_SCHEMA", "no schema 'NO_SCHEMA'"),
        ("SHOW TABLES IN DATABASE NO_DB", "no database"),
        ("SHOW TABLES IN SCHEMA NOPE", "no schema"),
        ("(" * 5000, "query"),
    ],
)
def test_what_is_not_one_reading_query_is_refused(query, words):
    """Each refusal says what it is about; nothing else is ever raised."""
    with pytest.raises(RefusedError, match=r"(?s).*") as refused:
        translate(query)

    assert words in str(refused.value)
    assert "\x1b" not in str(refused.value)


PIECES = """
  object_construct( array_agg( within 'a'::date current_timestamp( dateadd( day parse_json( SELECT
  FROM WHERE LIMIT WITH AS UNION ALL VALUES SHOW TABLES IN TEST_DB.PUBLIC t a 1 'x' ( ) , . * ; :: :
  $1 @s ORDER BY OFFSET FETCH FIRST ROWS ONLY QUALIFY LATERAL FLATTEN TABLE FOR UPDATE INTO CASE WHEN
  END PIVOT MATCH_RECOGNIZE SAMPLE AT BEFORE CHANGES IDENTIFIER [ ] { } => -> || - NOT NULL ? %
  DATABASES LIKE
"""


@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES.split()), max_size=14).map(" ".join))
def test_any_text_is_translated_or_refused(text):
    """Whatever is sent, the answer is a translation with a limit or a refusal with words: nothing else is raised."""
    try:
        answer = translate(text).sql
    except RefusedError as error:
        answer = f"{error} $1"

    assert "$1" in answer
    assert answer.strip() != "$1"
