"""Redis's own test suite against a Redpoll server; fetched when it is run, never kept here."""
