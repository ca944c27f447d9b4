"""What stands behind a deployment, asked itself: its database, its queue, its tasks, its process; and the commands that deploy and migrate it."""
