"""Searches for places against real servers, order included, and against looking at every place."""

import math
import random
from collections.abc import Iterator

import pytest

from tests.peers import PeerMissing, Server, find, start
from tests.resp import Connection

EARTH_RADIUS = 6372797.560856


@pytest.fixture(scope="module")
def redpoll() -> Iterator[Connection]:
    server = start("redpoll")
    connection = server.connect(60)
    yield connection
    connection.close()
    server.stop()


@pytest.fixture(scope="module", params=["redis70", "redis82", "valkey91"])
def peer(request: pytest.FixtureRequest) -> Iterator[tuple[str, Connection]]:
    try:
        server: Server = start(find(request.param))
    except PeerMissing as missing:
        pytest.skip(str(missing))
    connection = server.connect(60)
    yield request.param, connection
    connection.close()
    server.stop()


def places(source: random.Random, spread: float) -> list[tuple[float, float]]:
    longitude, latitude = source.uniform(-180, 180), source.uniform(-85, 85)
    return [
        (
            max(-180.0, min(180.0, longitude + source.uniform(-spread, spread))),
            max(-85.05, min(85.05, latitude + source.uniform(-spread, spread) / 2)),
        )
        for _ in range(150)
    ]


def add(connections: list[Connection], found: list[tuple[float, float]]) -> None:
    words = ["GEOADD", "g"]
    for number, (longitude, latitude) in enumerate(found):
        words += [repr(longitude), repr(latitude), str(number) if number % 2 else f"m{number}"]
    for connection in connections:
        connection.call("FLUSHALL")
        assert connection.call(*words) == len(found)


def search(source: random.Random, kind: str, place: tuple[float, float], size: float) -> list[str]:
    longitude, latitude = place
    if kind == "BYRADIUS":
        return ["FROMLONLAT", repr(longitude), repr(latitude), "BYRADIUS", repr(size), "km"]
    if kind == "FROMMEMBER":
        return ["FROMMEMBER", str(2 * source.randrange(75) + 1), "BYRADIUS", repr(size * 1000), "ft"]
    if kind == "BYBOX":
        height = repr(size * source.uniform(0.1, 3))
        return ["FROMLONLAT", repr(longitude), repr(latitude), "BYBOX", repr(size), height, "mi"]
    words, reach = ["BYPOLYGON", str(source.randrange(3, 8))], size / 100
    for _ in range(int(words[1])):
        words.append(repr(max(-180.0, min(180.0, longitude + source.uniform(-reach, reach)))))
        words.append(repr(max(-70.0, min(70.0, latitude + source.uniform(-reach, reach)))))
    return words


OPTIONS = [[], ["ASC"], ["DESC"], ["WITHDIST"], ["WITHHASH", "COUNT", "5", "ANY"], ["WITHDIST", "COUNT", "7"]]


@pytest.mark.parametrize("kind", ["BYRADIUS", "FROMMEMBER", "BYBOX", "BYPOLYGON"])
def test_real_servers_find_the_same_in_the_same_order(
    redpoll: Connection, peer: tuple[str, Connection], kind: str
) -> None:
    name, other = peer
    if kind == "BYPOLYGON" and name != "valkey91":
        pytest.skip("has no polygons")
    source = random.Random(11)
    for spread in (0.01, 1, 20, 60):
        found = places(source, spread)
        add([redpoll, other], found)
        for _ in range(40):
            size = source.choice([0.001, 0.1, 1, 5, 30]) * spread * 50
            words = ["GEOSEARCH", "g", *search(source, kind, source.choice(found), size), *source.choice(OPTIONS)]
            assert redpoll.call(*words) == other.call(*words), words


def distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    (lon1, lat1), (lon2, lat2) = (tuple(map(math.radians, place)) for place in (one, other))
    u, v = math.sin((lat2 - lat1) / 2), math.sin((lon2 - lon1) / 2)
    return 2 * EARTH_RADIUS * math.asin(math.sqrt(u * u + math.cos(lat1) * math.cos(lat2) * v * v))


def test_nothing_in_a_circle_is_missed(redpoll: Connection) -> None:
    source = random.Random(5)
    for spread in (0.05, 1, 15):
        found = places(source, spread)
        add([redpoll], found)
        stored = [
            tuple(map(float, place))
            for place in redpoll.call("GEOPOS", "g", *[str(n) if n % 2 else f"m{n}" for n in range(150)])
        ]
        for _ in range(60):
            middle = source.choice(found)
            radius = source.choice([0.01, 0.1, 1, 3]) * spread * 30_000
            reply = redpoll.call(
                "GEOSEARCH", "g", "FROMLONLAT", repr(middle[0]), repr(middle[1]), "BYRADIUS", repr(radius), "m"
            )
            got = {int(member.lstrip(b"m")) for member in reply}
            exactly = {n for n, place in enumerate(stored) if distance(middle, place) <= radius}
            # What lies on the very border may go either way.
            close = {n for n, place in enumerate(stored) if abs(distance(middle, place) - radius) < 0.01}
            assert got - close == exactly - close
