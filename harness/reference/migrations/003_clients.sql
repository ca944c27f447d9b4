-- Registered clients: of their keys only a salted, slow hash.
CREATE TABLE clients (
  id text PRIMARY KEY,
  name text NOT NULL,
  permission text NOT NULL CHECK (permission IN ('read-only', 'basic', 'admin')),
  salt bytea NOT NULL,
  hash bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz,
  revoked_at timestamptz
);
CREATE UNIQUE INDEX clients_by_name ON clients (name) WHERE revoked_at IS NULL;
