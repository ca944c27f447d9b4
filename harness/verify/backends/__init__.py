"""The services that a deployment depends on, asked directly: database, queue, tasks and process; and the commands that deploy and migrate it."""
