"""What a user may do, as rules say it: read rule by rule, told again in as few.

    on off nopass resetpass >password <password #hash !hash sanitize-payload skip-sanitize-payload reset
    clearselectors ( rules )                                       of the user as a whole

    +command -command +container|sub -container|sub +command|first-arg +@category -@category
    allcommands nocommands                                         commands
    ~pattern %R~pattern %W~pattern %RW~pattern allkeys resetkeys   keys
    &pattern allchannels resetchannels                             channels
    db=1,2 alldbs resetdbs                                         databases

A user has a root selector, and may have more, in parentheses. A command is allowed that any of them allows whole.
The bits of commands are one integer: bit `Command.number`. It is below zero when commands that are still to come are
allowed too. `account.pyx` compiles all this into what dispatch asks.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from redpoll.commands.declare import REGISTRY, Command, find
from redpoll.commands.flags import CATEGORIES
from redpoll.security import passwords

READ, WRITE = 1, 2
READ_WRITE = READ | WRITE
MOST_DATABASE = (1 << 31) - 1

UNKNOWN_COMMAND = "Unknown command or category name in ACL"
SYNTAX = "Syntax error"
PATTERN_AFTER_ALL_KEYS = (
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. "
    "Try 'resetkeys' to start with an empty list of patterns"
)
PATTERN_AFTER_ALL_CHANNELS = (
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. "
    "Try 'resetchannels' to start with an empty list of channels"
)
NO_SUCH_PASSWORD = "The password you are trying to remove from the user does not exist"
BAD_HASH = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
FIRST_ARG_OF_SUBCOMMAND = "Allowing first-arg of a subcommand is not supported"
DATABASE_RANGE = "The provided database ID is out of range"

_SPACE = re.compile(rb"[\s\x00]")
_DATABASES = re.compile(rb"\s*[+-]?[0-9]+(,\s*[+-]?[0-9]+)*")


class RuleError(Exception):
    """A rule that cannot be; the text says why."""


def has_spaces(text: bytes) -> bool:
    """Whether a name or pattern holds what would end it in a file."""
    return _SPACE.search(text) is not None


# -- commands ------------------------------------------------------------------------------------


def every_command(registry: Mapping[str, Command] = REGISTRY) -> Iterator[Command]:
    """All commands and subcommands."""
    for top in registry.values():
        yield top
        yield from top.subcommands.values()


def bits_of(command: Command) -> int:
    """The bits of a command and of its subcommands."""
    bits = 1 << command.number
    for each in command.subcommands.values():
        bits |= 1 << each.number
    return bits


def bits_of_category(category: str) -> int:
    """The bits of all commands in a category; a container's brings those of its subcommands."""
    bits = 0
    for each in every_command():
        if category in each.categories:
            bits |= bits_of(each)
    return bits


# -- selectors -------------------------------------------------------------------------------------


class Selector:
    """One set of rules that stand together."""

    __slots__ = (
        "all_channels",
        "all_commands",
        "all_databases",
        "all_keys",
        "bits",
        "changes",
        "channels",
        "databases",
        "first_args",
        "keys",
    )

    def __init__(self, *, all_channels: bool = False) -> None:
        self.bits = 0
        self.all_commands = False
        #: What is added to or taken from all commands or none, in order: names to signs.
        self.changes: dict[bytes, bytes] = {}
        #: First words behind the name with which a command is allowed though its bit is not set, by its number.
        self.first_args: dict[int, list[bytes]] = {}
        self.all_keys = False
        #: Patterns with what they allow.
        self.keys: dict[bytes, int] = {}
        self.all_channels = all_channels
        self.channels: dict[bytes, None] = {}
        self.all_databases = True
        self.databases: tuple[int, ...] = ()

    def copy(self) -> "Selector":
        """Another one with the same rules."""
        made = Selector()
        for name in Selector.__slots__:
            setattr(made, name, getattr(self, name))
        made.changes, made.keys, made.channels = dict(self.changes), dict(self.keys), dict(self.channels)
        made.first_args = {number: list(words) for number, words in self.first_args.items()}
        return made

    def apply(self, rule: bytes) -> None:
        """Take one rule in; an empty one says nothing. Raises `RuleError`."""
        if not rule:
            return
        lower = rule.lower()
        word = _WORDS.get(lower)
        if word is not None:
            word(self)
        elif rule[:1] in (b"~", b"%"):
            self._add_keys(rule)
        elif rule[:1] == b"&":
            self._add_channels(rule[1:])
        elif rule[:2] in (b"+@", b"-@"):
            self._change_category(rule)
        elif rule[:1] == b"+":
            self._allow(rule[1:])
        elif rule[:1] == b"-":
            command = find(rule[1:])
            if command is None:
                raise RuleError(UNKNOWN_COMMAND)
            self._change(command.name.encode(), bits_of(command), False)
        elif lower.startswith(b"db="):
            self._set_databases(rule[3:])
        else:
            raise RuleError(SYNTAX)

    def all_of_them(self) -> None:
        """Allow all commands, those to come too."""
        self.bits, self.all_commands = -1, True
        self.changes.clear()
        self.first_args.clear()

    def none_of_them(self) -> None:
        """Allow no command."""
        self.bits, self.all_commands = 0, False
        self.changes.clear()
        self.first_args.clear()

    def _allow(self, name: bytes) -> None:
        head, bar, word = name.rpartition(b"|")
        if not bar:
            command = find(name)
            if command is None:
                raise RuleError(UNKNOWN_COMMAND)
            self._change(command.name.encode(), bits_of(command), True)
            return
        container = find(head)
        if container is None:
            raise RuleError(UNKNOWN_COMMAND)
        if container.parent is not None:
            raise RuleError(FIRST_ARG_OF_SUBCOMMAND)
        if not word or has_spaces(word):
            # Other servers take spaces and line ends, and write files then that say something else.
            raise RuleError(SYNTAX)
        if container.subcommands:
            command = find(name)
            if command is None:
                raise RuleError(UNKNOWN_COMMAND)
            self._change(command.name.encode(), bits_of(command), True)
            return
        words = self.first_args.setdefault(container.number, [])
        if word.lower() not in words:
            words.append(word.lower())
        self._note(name.lower(), b"+")

    def _change_category(self, rule: bytes) -> None:
        category = rule[2:].decode("latin-1").lower()
        if category not in CATEGORIES:
            raise RuleError(UNKNOWN_COMMAND)
        self._change(rule[1:].lower(), bits_of_category(category), rule[:1] == b"+")

    def _change(self, name: bytes, bits: int, allow: bool) -> None:
        if allow:
            self.bits |= bits
        else:
            self.bits &= ~bits
            self.all_commands = False
        for number in list(self.first_args):
            if bits >> number & 1:
                del self.first_args[number]
        self._note(name, b"+" if allow else b"-")

    def _note(self, name: bytes, sign: bytes) -> None:
        """A later rule for a command stands for earlier ones of it and of its subcommands."""
        for known in list(self.changes):
            if known == name or known.startswith(name + b"|"):
                del self.changes[known]
        self.changes[name] = sign

    def every_key(self) -> None:
        """Allow all keys."""
        self.all_keys = True
        self.keys.clear()

    def no_key(self) -> None:
        """Allow no key."""
        self.all_keys = False
        self.keys.clear()

    def _add_keys(self, rule: bytes) -> None:
        if self.all_keys:
            raise RuleError(PATTERN_AFTER_ALL_KEYS)
        rights, pattern = READ_WRITE, rule[1:]
        if rule[:1] == b"%":
            letters, _, pattern = pattern.partition(b"~")
            rights = 0
            for letter in letters.upper():
                right = {0x52: READ, 0x57: WRITE}.get(letter, 0)
                if not right or rights & right:
                    raise RuleError(SYNTAX)
                rights |= right
            if not rights:
                raise RuleError(SYNTAX)
        if has_spaces(pattern):
            raise RuleError(SYNTAX)
        if pattern == b"*" and rights == READ_WRITE:
            self.every_key()
            return
        self.keys[pattern] = self.keys.get(pattern, 0) | rights

    def every_channel(self) -> None:
        """Allow all channels."""
        self.all_channels = True
        self.channels.clear()

    def no_channel(self) -> None:
        """Allow no channel."""
        self.all_channels = False
        self.channels.clear()

    def _add_channels(self, pattern: bytes) -> None:
        if self.all_channels:
            raise RuleError(PATTERN_AFTER_ALL_CHANNELS)
        if has_spaces(pattern):
            raise RuleError(SYNTAX)
        self.channels[pattern] = None

    def every_database(self) -> None:
        """Allow all databases."""
        self.all_databases, self.databases = True, ()

    def no_database(self) -> None:
        """Allow no database."""
        self.all_databases, self.databases = False, ()

    def _set_databases(self, text: bytes) -> None:
        if not _DATABASES.fullmatch(text):
            raise RuleError(SYNTAX)
        numbers = [int(part) for part in text.split(b",")]
        if any(not 0 <= number <= MOST_DATABASE for number in numbers):
            raise RuleError(DATABASE_RANGE)
        self.all_databases, self.databases = False, tuple(sorted(set(numbers)))

    # What it says

    def commands_text(self) -> bytes:
        """The rules of commands."""
        rules = [b"+@all" if self.bits < 0 else b"-@all"]
        return b" ".join(rules + [sign + name for name, sign in self.changes.items()])

    def keys_text(self) -> bytes:
        """The rules of keys."""
        if self.all_keys:
            return b"~*"
        return b" ".join(
            # In one it would be `~*`, and no pattern may follow that.
            b"%R~* %W~*" if pattern == b"*" and rights == READ_WRITE else _KEY_SIGNS[rights] + pattern
            for pattern, rights in self.keys.items()
        )

    def channels_text(self) -> bytes:
        """The rules of channels."""
        return b"&*" if self.all_channels else b" ".join(b"&" + pattern for pattern in self.channels)

    def databases_text(self) -> bytes:
        """The rule of databases."""
        if self.all_databases:
            return b"alldbs"
        return b"db=" + b",".join(b"%d" % number for number in self.databases) if self.databases else b"resetdbs"

    def text(self) -> bytes:
        """All rules, which make the same selector of an empty one."""
        parts = [self.keys_text()]
        parts.append(self.channels_text() if self.all_channels else b"resetchannels " + self.channels_text())
        if not self.all_databases:
            parts.append(self.databases_text())
        parts.append(self.commands_text())
        return b" ".join(part.strip() for part in parts if part)


_KEY_SIGNS = {READ: b"%R~", WRITE: b"%W~", READ_WRITE: b"~"}
_WORDS = {
    b"allcommands": Selector.all_of_them,
    b"+@all": Selector.all_of_them,
    b"nocommands": Selector.none_of_them,
    b"-@all": Selector.none_of_them,
    b"allkeys": Selector.every_key,
    b"~*": Selector.every_key,
    b"resetkeys": Selector.no_key,
    b"allchannels": Selector.every_channel,
    b"&*": Selector.every_channel,
    b"resetchannels": Selector.no_channel,
    b"alldbs": Selector.every_database,
    b"resetdbs": Selector.no_database,
}


# -- users -----------------------------------------------------------------------------------------


class User:
    """A user's rules. `all_channels` says whether new selectors begin with all channels.

    `databases` is how many there are: numbers from there on are no matter of rules, but of the commands that get them.
    """

    __slots__ = (
        "all_channels",
        "databases",
        "enabled",
        "name",
        "no_password",
        "passwords",
        "root",
        "sanitize",
        "selectors",
    )

    def __init__(self, name: bytes, *, all_channels: bool = False, databases: int = MOST_DATABASE) -> None:
        self.name = name
        self.all_channels = all_channels
        self.databases = databases
        self.enabled = False
        self.no_password = False
        self.sanitize = True
        #: Hashes, in the order in which they came.
        self.passwords: dict[bytes, None] = {}
        self.root = Selector(all_channels=all_channels)
        self.selectors: list[Selector] = []

    def copy(self) -> "User":
        """Another one with the same rules."""
        made = User(self.name, all_channels=self.all_channels, databases=self.databases)
        made.enabled, made.no_password, made.sanitize = self.enabled, self.no_password, self.sanitize
        made.passwords = dict(self.passwords)
        made.root = self.root.copy()
        made.selectors = [each.copy() for each in self.selectors]
        return made

    @property
    def every_selector(self) -> list[Selector]:
        """The root, then the others."""
        return [self.root, *self.selectors]

    def apply(self, rule: bytes) -> None:
        """Take one rule in. Raises `RuleError`."""
        word = _USER_WORDS.get(rule.lower())
        if word is not None:
            word(self)
        elif rule[:1] in (b">", b"#"):
            secret = rule[1:] if rule[:1] == b"#" else passwords.hashed(rule[1:])
            if not passwords.is_hash(secret):
                raise RuleError(BAD_HASH)
            self.passwords[secret] = None
            self.no_password = False
        elif rule[:1] in (b"<", b"!"):
            secret = rule[1:] if rule[:1] == b"!" else passwords.hashed(rule[1:])
            if not passwords.is_hash(secret):
                raise RuleError(BAD_HASH)
            if secret not in self.passwords:
                raise RuleError(NO_SUCH_PASSWORD)
            del self.passwords[secret]
        elif rule[:1] == b"(" and rule[-1:] == b")":
            selector = Selector(all_channels=self.all_channels)
            for inner in rule[1:-1].split():
                selector.apply(inner)
            self.selectors.append(selector)
        else:
            self.root.apply(rule)

    def switch_on(self) -> None:
        """It may log in."""
        self.enabled = True

    def switch_off(self) -> None:
        """It may not log in."""
        self.enabled = False

    def need_no_password(self) -> None:
        """Any password will do."""
        self.no_password = True
        self.passwords.clear()

    def forget_passwords(self) -> None:
        """No password will do."""
        self.no_password = False
        self.passwords.clear()

    def sanitizing(self) -> None:
        """RESTORE looks its payloads through."""
        self.sanitize = True

    def trusting(self) -> None:
        """RESTORE trusts its payloads."""
        self.sanitize = False

    def clear_selectors(self) -> None:
        """Only the root is left."""
        self.selectors.clear()

    def reset(self) -> None:
        """As a new user."""
        self.forget_passwords()
        self.switch_off()
        self.sanitizing()
        self.clear_selectors()
        self.root = Selector(all_channels=self.all_channels)

    def matches(self, password: bytes) -> bool:
        """Whether one may log in with this password."""
        right = passwords.matches_any(password, self.passwords)
        return self.enabled and (right or self.no_password)

    # What it says

    def flags(self) -> list[bytes]:
        """The flags of ACL GETUSER."""
        flags = [b"on" if self.enabled else b"off"]
        if self.no_password:
            flags.append(b"nopass")
        return [*flags, b"sanitize-payload" if self.sanitize else b"skip-sanitize-payload"]

    def text(self) -> bytes:
        """All rules, which make the same user of a new one."""
        parts = self.flags()
        parts += [b"#" + each for each in self.passwords]
        parts.append(self.root.text())
        parts += [b"(" + each.text() + b")" for each in self.selectors]
        return b" ".join(parts)

    def line(self) -> bytes:
        """The line of a file that makes this user."""
        return b"user " + self.name + b" " + self.text()


_USER_WORDS = {
    b"on": User.switch_on,
    b"off": User.switch_off,
    b"nopass": User.need_no_password,
    b"resetpass": User.forget_passwords,
    b"sanitize-payload": User.sanitizing,
    b"skip-sanitize-payload": User.trusting,
    b"clearselectors": User.clear_selectors,
    b"reset": User.reset,
}


def joined(rules: Sequence[bytes]) -> list[bytes]:
    """Rules with those of a selector, which may come in several words, joined. Raises `RuleError`."""
    whole: list[bytes] = []
    pending: list[bytes] = []
    for rule in rules:
        if not pending and not rule.startswith(b"("):
            whole.append(rule)
            continue
        pending.append(rule)
        if rule.endswith(b")"):
            whole.append(b" ".join(pending))
            pending = []
    if pending:
        raise RuleError(f"Unmatched parenthesis in acl selector starting at '{pending[0].decode('latin-1')}'.")
    return whole
