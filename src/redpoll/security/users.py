"""All users of a server: set, deleted, read from lines and written as lines."""

from collections.abc import Iterable, Sequence
from typing import Any

from redpoll.security.account import Account
from redpoll.security.rules import MOST_DATABASE, RuleError, User, has_spaces, joined

DEFAULT = b"default"
BAD_NAME = "Usernames can't contain spaces or null characters"
DUPLICATE = "Duplicate user found. A user can only be defined once in config files"


class LoadError(Exception):
    """Lines that make no users; the text tells all that is wrong with them."""


class Modification(RuleError):
    """A rule that cannot be; `rule` is the one."""

    def __init__(self, rule: bytes, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule


class Users:
    """Users by name. `all_channels` says whether new ones may use all channels, `databases` how many there are."""

    def __init__(self, *, all_channels: bool = False, databases: int = MOST_DATABASE) -> None:
        self.all_channels = all_channels
        self.databases = databases
        self._accounts: dict[bytes, Any] = {}
        self.default = self._accounts[DEFAULT] = Account(self.free_for_all())

    def free_for_all(self) -> User:
        """The default user as it is when nothing is said of it."""
        user = self.new(DEFAULT)
        for rule in (b"on", b"nopass", b"+@all", b"~*", b"&*"):
            user.apply(rule)
        return user

    def new(self, name: bytes) -> User:
        """A user who may do nothing yet."""
        return User(name, all_channels=self.all_channels, databases=self.databases)

    def __len__(self) -> int:
        return len(self._accounts)

    def names(self) -> list[bytes]:
        """The names, in order."""
        return sorted(self._accounts)

    def get(self, name: bytes) -> Any | None:
        """The account of a name, or None."""
        return self._accounts.get(name)

    def modified(self, name: bytes, rules: Sequence[bytes]) -> User:
        """The user with these rules applied to what it is, or to a new one. Raises `RuleError`."""
        if has_spaces(name):
            raise RuleError(BAD_NAME)
        whole = joined(rules)
        account = self._accounts.get(name)
        user = self.new(name) if account is None else account.user.copy()
        user.all_channels = self.all_channels
        apply(user, whole)
        return user

    def put(self, user: User) -> Any:
        """Have the user of that name follow these rules; its account."""
        account = self._accounts.get(user.name)
        if account is None:
            account = self._accounts[user.name] = Account(user)
        else:
            account.adopt(user)
        return account

    def remove(self, name: bytes) -> Any | None:
        """Delete a user; its account, or None."""
        return self._accounts.pop(name, None)

    def lines(self) -> list[bytes]:
        """A line for each user, in order."""
        return [self._accounts[name].user.line() for name in self.names()]

    # Files

    def read(self, lines: Iterable[bytes], source: str) -> dict[bytes, User]:
        """Users that a file's lines make. Raises `LoadError` with all that is wrong."""
        users: dict[bytes, User] = {}
        wrong: list[str] = []
        for number, line in enumerate(lines, 1):
            words = [word for word in line.strip(b" \t\r\n").split(b" ") if word]
            if not words:
                continue
            place = f"{source}:{number}"
            if words[0] != b"user" or len(words) < 2:
                wrong.append(f"{place} should start with user keyword followed by the username. ")
                continue
            name = words[1]
            if name in users:
                wrong.append(f"WARNING: Duplicate user '{name.decode('latin-1')}' found on line {number}. ")
                continue
            user = users[name] = self.new(name)
            try:
                apply(user, joined(words[2:]))
            except Modification as error:
                if error.rule[:1] not in (b"+", b"-"):
                    wrong.append(f"{place}: {error}. ")
                    continue
                rule = error.rule.decode("latin-1")
                wrong.append(f"{place}: Error in applying operation '{rule}': {error}. ")
            except RuleError as error:
                wrong.append(f"{place}: {str(error).rstrip('.')}. ")
        if wrong:
            raise LoadError("".join(wrong))
        return users

    def replace(self, users: dict[bytes, User]) -> list[Any]:
        """Have these users and no others; the accounts that are gone. Without a default user there, a free one is made.

        Accounts of users that stay are the same ones, with other rules.
        """
        gone = [account for name, account in self._accounts.items() if name not in users and name != DEFAULT]
        if DEFAULT not in users:
            users = {**users, DEFAULT: self.free_for_all()}
        for account in gone:
            del self._accounts[account.name]
        for user in users.values():
            self.put(user)
        return gone


def apply(user: User, rules: Iterable[bytes]) -> None:
    """Apply rules one by one. Raises `Modification`."""
    for rule in rules:
        try:
            user.apply(rule)
        except RuleError as error:
            raise Modification(rule, str(error)) from None
