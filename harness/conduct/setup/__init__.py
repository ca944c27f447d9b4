"""Before the load: addresses vetted, services and server started, fault sites prepared, single calls tried."""
