"""When the loop waits a moment for more, and when it must not."""

from redpoll.server.coalescing import Traffic


def traffic(clients: int, reads: int, *, skipped_ms: int = 0) -> Traffic:
    """What the loop has counted in the millisecond before."""
    counted = Traffic()
    counted.tick(1000)
    for number in range(reads):
        counted.read(number < clients)
    counted.tick(1001 + skipped_ms)
    return counted


def test_many_clients_of_which_few_were_served():
    assert traffic(50, 120).worth_waiting(5, 5)
    assert traffic(50, 120).worth_waiting(12, 12)


def test_a_turn_that_served_many_is_a_batch_already():
    assert not traffic(50, 120).worth_waiting(13, 13)


def test_a_turn_that_read_nothing():
    assert not traffic(50, 120).worth_waiting(0, 0)


def test_few_clients_in_lockstep_are_not_slowed():
    assert not traffic(3, 150).worth_waiting(1, 1)
    assert not traffic(15, 150).worth_waiting(1, 1)


def test_many_clients_with_little_to_say():
    assert not traffic(39, 39).worth_waiting(1, 1)


def test_pipelines_are_batches_of_their_own():
    assert not traffic(50, 120).worth_waiting(5, 5 * 16)
    assert traffic(50, 120).worth_waiting(5, 9)


def test_what_is_long_ago_tells_nothing():
    assert not traffic(50, 120, skipped_ms=1).worth_waiting(5, 5)


def test_counting_begins_anew_each_millisecond():
    counted = traffic(50, 120)
    counted.tick(1001)
    assert counted.worth_waiting(5, 5)
    counted.tick(1002)
    assert not counted.worth_waiting(5, 5)
