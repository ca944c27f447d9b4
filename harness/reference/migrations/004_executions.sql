-- One row for each execution of a tool. Ids are made by the processes: block << 40 | number in the block, so that
-- a row that is written again, because nobody knows whether it arrived, is the same row.
CREATE SEQUENCE execution_blocks AS integer;
CREATE TABLE executions (
  id bigint PRIMARY KEY,
  door text NOT NULL,
  client text NOT NULL,
  session text,
  tool text NOT NULL,
  database text,
  started_at timestamptz NOT NULL,
  duration_us bigint NOT NULL,
  outcome text NOT NULL,
  error text
);
-- Rows come in the order of time, so a few bytes for each block of pages are enough to find the old ones.
CREATE INDEX executions_by_age ON executions USING brin (started_at);

-- What append_entry writes. A log is a name that whoever appends chooses; a key makes repeating harmless.
CREATE TABLE entries (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  log text NOT NULL,
  entry text NOT NULL,
  key text,
  client text NOT NULL,
  execution bigint NOT NULL,
  added_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (log, key)
);
CREATE INDEX entries_by_log ON entries (log, position);
