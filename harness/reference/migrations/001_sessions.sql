-- IF NOT EXISTS, because this table is older than migrations.
-- Room in each page, and no index on what touching changes: updates then stay on their page.
CREATE TABLE IF NOT EXISTS sessions (
  id text PRIMARY KEY,
  client text NOT NULL,
  client_version text NOT NULL,
  protocol text NOT NULL,
  requests bigint NOT NULL DEFAULT 0,
  opened_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  closed_at timestamptz
) WITH (fillfactor = 50);
