"""The store in this process, and clients of it."""
