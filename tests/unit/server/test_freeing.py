"""Large values that commands leave behind are freed as quickly as they come, while the server has no rest."""

from typing import Any

from redpoll.embedded import Store
from tests.resp import Connection, encode

MEMBERS = 20_000
TIMES = 40


def test_results_that_are_stored_again_and_again_do_not_pile_up(client: Connection) -> None:
    for name in ("a", "b"):
        client.call("SADD", name, *(f"{name}:{number}" for number in range(MEMBERS)))
    # All in one turn, and not a moment between them.
    client.send_raw(encode("SUNIONSTORE", "result", "a", "b") * TIMES)
    assert [client.read() for _ in range(TIMES)] == [2 * MEMBERS] * TIMES
    assert waiting(client.call("INFO", "memory")) < TIMES // 2


def test_nor_do_they_in_a_store() -> None:
    with Store() as store:
        for name in ("a", "b"):
            store.execute("SADD", name, *(f"{name}:{number}" for number in range(MEMBERS)))
        for _ in range(TIMES):
            assert store.execute("SUNIONSTORE", "result", "a", "b") == 2 * MEMBERS
        assert waiting(store.execute("INFO", "memory")) < TIMES // 2


def waiting(info: Any) -> int:
    fields = dict(line.split(":", 1) for line in bytes(info).decode().splitlines() if ":" in line)
    return int(fields["lazyfree_pending_objects"])
