"""`redpoll-benchmark`: a load for every server that speaks RESP, under `redis-benchmark`'s options.

As of the command line, only the wire is seen from here. What runs for every request is compiled (`load.pyx` and
what it takes in); options, reports and plots are Python.
"""
