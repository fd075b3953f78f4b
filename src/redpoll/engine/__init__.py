"""Data structures and the keyspace: bytes in, bytes out; no command words, replies, sockets or clock."""
