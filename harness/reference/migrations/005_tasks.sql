-- Work that is asked for now and done later.
CREATE TABLE tasks (
  id text PRIMARY KEY,
  kind text NOT NULL,
  arguments jsonb NOT NULL,
  owner text NOT NULL,
  status text NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed')),
  attempt int NOT NULL DEFAULT 0,
  worker text,
  lease_until timestamptz,
  published_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  result jsonb,
  error text
);
CREATE INDEX tasks_to_do ON tasks (created_at) WHERE status IN ('pending', 'running');

CREATE TABLE task_history (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  task text NOT NULL,
  status text NOT NULL,
  attempt int NOT NULL,
  worker text,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX task_history_by_task ON task_history (task, number);

-- What tasks have done. No constraint keeps a task from being here twice: that is the service's business.
CREATE TABLE task_effects (task text NOT NULL, attempt int NOT NULL, result jsonb NOT NULL);
CREATE INDEX task_effects_by_task ON task_effects (task);
