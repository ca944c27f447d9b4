-- Sessions know what kind of client they serve, whose they are and what is going on in them.
ALTER TABLE sessions
  ADD COLUMN client_type text NOT NULL DEFAULT 'http',
  ADD COLUMN owner text,
  ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN active int NOT NULL DEFAULT 0,
  ADD COLUMN served_by text NOT NULL DEFAULT '';

-- What sessions did that are deleted.
CREATE TABLE session_totals (
  client text NOT NULL,
  client_type text NOT NULL,
  sessions bigint NOT NULL,
  requests bigint NOT NULL,
  PRIMARY KEY (client, client_type)
);
