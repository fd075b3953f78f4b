"""The filters of CLIENT KILL and CLIENT LIST, as Redis and Valkey have them."""

from collections.abc import Callable, Sequence
from typing import Any

from redpoll import errors
from redpoll.errors import CommandError

Filter = Callable[[Any], bool]
_TYPES = {b"normal": "normal", b"master": "primary", b"primary": "primary", b"slave": "replica", b"replica": "replica",
          b"pubsub": "pubsub"}  # fmt: skip
_FLAG_LETTERS = frozenset("NMSOPxbtcuUrAeTIRB")


class Filters:
    """Filters read from words; `passes` says whether a connection is meant."""

    def __init__(
        self, call: Any, words: Sequence[bytes], *, skip_me: bool, bad_id: str = errors.CLIENT_ID_RANGE
    ) -> None:
        self._call = call
        self._clients = call.server.clients
        self._filters: list[Filter] = []
        self.skip_me = skip_me
        self._bad_id = bad_id
        self.ids: list[int] | None = None
        self._read(words)

    def passes(self, connection: Any) -> bool:
        """Whether all filters let it pass."""
        return all(one(connection) for one in self._filters) and not (
            self.skip_me and connection is self._call.connection
        )

    def _read(self, words: Sequence[bytes]) -> None:
        at = 0
        while at < len(words):
            name = words[at].lower()
            if name in (b"id", b"not-id") and at + 1 < len(words):
                at = self._read_ids(words, at + 1, name == b"not-id")
                continue
            if at + 1 >= len(words):
                raise CommandError(errors.SYNTAX)
            self._add(name, words[at + 1])
            at += 2

    def _read_ids(self, words: Sequence[bytes], at: int, negative: bool) -> int:
        first = at
        found: list[int] = []
        while at < len(words):
            try:
                number = self._call.parse_integer(words[at])
            except CommandError:
                break
            if number < 1:
                raise CommandError(self._bad_id)
            found.append(number)
            at += 1
        if at == first:
            raise CommandError(self._bad_id)
        if negative:
            self._filters.append(lambda connection: connection.id not in found)
        else:
            self._filters.append(lambda connection: connection.id in found)
            self.ids = found
        return at

    def _add(self, name: bytes, value: bytes) -> None:
        if name == b"skipme":
            if value.lower() not in (b"yes", b"no"):
                raise CommandError(errors.SYNTAX)
            self.skip_me = value.lower() == b"yes"
            return
        negative = name.startswith(b"not-")
        make = _MAKERS.get(name.removeprefix(b"not-"))
        if make is None or (negative and name in (b"not-maxage", b"not-idle")):
            raise CommandError(errors.SYNTAX)
        test = make(self, value)
        self._filters.append((lambda connection: not test(connection)) if negative else test)

    def _type(self, value: bytes) -> Filter:
        wanted = _TYPES.get(value.lower())
        if wanted is None:
            raise CommandError(errors.unknown_client_type(value.decode("latin-1")))
        return lambda connection: self._clients.kind(connection) == wanted

    def _user(self, value: bytes) -> Filter:
        wanted = self._call.server.access.users.get(value)
        if wanted is None:
            raise CommandError(errors.no_such_user(value.decode("latin-1")))
        return lambda connection: connection.account is wanted

    def _address(self, value: bytes) -> Filter:
        wanted = value.decode("latin-1")
        return lambda connection: connection.address == wanted

    def _local_address(self, value: bytes) -> Filter:
        wanted = value.decode("latin-1")
        return lambda connection: connection.local_address == wanted

    def _seconds(self, value: bytes, name: str) -> int:
        try:
            number: int = self._call.parse_integer(value)
        except CommandError:
            raise CommandError(errors.not_in_range(name)) from None
        if number <= 0:
            raise CommandError(errors.not_positive(name))
        return number

    def _max_age(self, value: bytes) -> Filter:
        seconds = self._seconds(value, "maxage")
        return lambda connection: self._call.now_ms - connection.created_ms >= seconds * 1000

    def _idle(self, value: bytes) -> Filter:
        seconds = self._seconds(value, "idle")
        return lambda connection: self._call.now_ms - connection.active_ms >= seconds * 1000

    def _name(self, value: bytes) -> Filter:
        return lambda connection: connection.name == value

    def _library_name(self, value: bytes) -> Filter:
        return lambda connection: connection.library_name == value

    def _library_version(self, value: bytes) -> Filter:
        return lambda connection: connection.library_version == value

    def _flags(self, value: bytes) -> Filter:
        wanted = value.decode("latin-1")
        for letter in wanted:
            if letter not in _FLAG_LETTERS:
                raise CommandError(errors.unknown_client_flag(letter))
        return lambda connection: set(wanted) <= set(self._clients.flags(connection))

    def _database(self, value: bytes) -> Filter:
        try:
            wanted = self._call.parse_integer(value)
        except CommandError:
            raise CommandError(errors.not_in_range("DB number")) from None
        if not 0 <= wanted < len(self._call.server.keyspace.databases):
            raise CommandError(errors.CLIENT_DB_RANGE)
        return lambda connection: connection.db_index == wanted

    def _capability(self, value: bytes) -> Filter:
        wanted = value.decode("latin-1").lower()
        if wanted != "r":
            raise CommandError(errors.unknown_capability(wanted))
        return lambda connection: wanted in connection.capabilities

    def _ip(self, value: bytes) -> Filter:
        wanted = value.decode("latin-1")
        return lambda connection: connection.address.rpartition(":")[0].strip("[]") == wanted


_MAKERS: dict[bytes, Callable[[Filters, bytes], Filter]] = {
    b"type": Filters._type,
    b"user": Filters._user,
    b"addr": Filters._address,
    b"laddr": Filters._local_address,
    b"maxage": Filters._max_age,
    b"idle": Filters._idle,
    b"name": Filters._name,
    b"lib-name": Filters._library_name,
    b"lib-ver": Filters._library_version,
    b"flags": Filters._flags,
    b"db": Filters._database,
    b"capa": Filters._capability,
    b"ip": Filters._ip,
}
