-- Requests that came to no call of a tool: those of one client, door and kind that came within a second share a row.
-- Ids are made as those of executions are.
CREATE TABLE refusals (
  id bigint PRIMARY KEY,
  door text NOT NULL,
  client text NOT NULL,
  session text,
  kind text NOT NULL,
  status int,
  code int,
  words text NOT NULL,
  started_at timestamptz NOT NULL,
  count bigint NOT NULL
);
CREATE INDEX refusals_by_age ON refusals USING brin (started_at);
