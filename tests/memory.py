"""How much memory the engine holds, for tests that say that something gives back what it took."""

import gc

from redpoll.engine.keyspace import Keyspace

from redpoll.engine import memory


def settled() -> int:
    """Return the bytes in use by all stores of this process, once nothing waits to be freed.

    Large values of keyspaces that are no more, those of earlier tests too, wait for whoever frees next.
    """
    gc.collect()
    anyone = Keyspace(1)
    while anyone.free_some(1000):
        pass
    del anyone
    return memory.used()
