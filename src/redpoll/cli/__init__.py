"""`redpoll-cli`: a command line for every server that speaks RESP, under `redis-cli`'s options.

Only the wire is seen from here: no other room of redpoll but `version` is imported, and nothing heavy before it
is needed.
"""
