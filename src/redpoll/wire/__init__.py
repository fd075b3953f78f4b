"""RESP2 and RESP3: the request parser and the reply writer; no sockets and no keyspace."""
