"""Real clients and tools against Redpoll, and against the real servers, where they are to pass as well."""
