"""What a user may do: compiled rules agree with a slow model of what they say."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redpoll.security.account import Account

from redpoll import commands
from redpoll.commands.declare import REGISTRY, Command, find, get_keys, lookup
from redpoll.commands.flags import CATEGORIES, NO_AUTH
from redpoll.errors import CommandError
from redpoll.security.rules import RuleError, User, every_command
from redpoll.security.users import Users
from tests.peers import Server
from tests.resp import ErrorReply

commands.load()
EVERYTHING = {each.name: each for each in every_command()}
KEYS = ["a", "ab", "abc", "b", "b1", "x{1}", "*", ""]
PATTERNS = ["a", "a*", "ab*", "*", "b?", "[ab]*", "x{1}", "\\*", "*c", "a**"]
NAMES = ["get", "set", "mset", "copy", "config", "config|get", "config|set", "publish", "select", "sort", "xread"]

rules = st.lists(
    st.one_of(
        st.sampled_from(["+@all", "-@all", "allcommands", "nocommands", "allkeys", "resetkeys", "+select|0"]),
        st.sampled_from(["allchannels", "resetchannels"]),
        st.builds("{}{}".format, st.sampled_from("+-"), st.sampled_from(NAMES)),
        st.builds("{}@{}".format, st.sampled_from("+-"), st.sampled_from(CATEGORIES)),
        st.builds("{}{}".format, st.sampled_from(["~", "%R~", "%W~", "%RW~"]), st.sampled_from(PATTERNS)),
        st.builds("&{}".format, st.sampled_from(PATTERNS)),
    ),
    max_size=8,
)
key = st.sampled_from(KEYS)
request = st.one_of(
    st.builds("GET {}".format, key),
    st.builds("EXISTS {} {}".format, key, key),
    st.builds("SET {} v".format, key),
    st.builds("SET {} v GET".format, key),
    st.builds("SET {} v EX 5".format, key),
    st.builds("MSET {} 1 {} 2".format, key, key),
    st.builds("MSET {} 1 {}".format, key, key),
    st.builds("COPY {} {}".format, key, key),
    st.builds("RENAME {} {}".format, key, key),
    st.builds("SMOVE {} {} m".format, key, key),
    st.builds("BITFIELD {}".format, key),
    st.builds("BITFIELD {} GET u8 0".format, key),
    st.builds("BITFIELD {} SET u8 0 1".format, key),
    st.builds("SORT {} STORE {}".format, key, key),
    st.builds("XREAD STREAMS {} {} 0 0".format, key, key),
    st.builds("XREAD STREAMS {} {} 0".format, key, key),
    st.builds("XREADGROUP GROUP g c STREAMS {} >".format, key),
    st.builds("ZUNIONSTORE {} 2 {} {}".format, key, key, key),
    st.builds("BLPOP {} {} 0".format, key, key),
    st.builds("LMPOP 1 {} LEFT".format, key),
    st.builds("PUBLISH {} m".format, key),
    st.builds("SUBSCRIBE {} {}".format, key, key),
    st.builds("PSUBSCRIBE {}".format, st.sampled_from(PATTERNS)),
    st.builds("SSUBSCRIBE {}".format, key),
    st.sampled_from(["CONFIG GET x", "CONFIG SET x y", "SELECT 0", "SELECT 1", "PING", "AUTH x", "UNSUBSCRIBE a"]),
).map(lambda text: [word.encode() for word in text.split(" ")])


def glob(pattern: str, text: str) -> bool:
    """A glob as a regular expression; but only the empty pattern matches an empty text."""
    expression, at = "", 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "[":
            end = pattern.index("]", at)
            expression += pattern[at : end + 1]
            at = end
        elif sign == "\\":
            at += 1
            expression += re.escape(pattern[at])
        else:
            expression += {"*": ".*", "?": "."}.get(sign, re.escape(sign))
        at += 1
    return re.fullmatch(expression, text, re.DOTALL) is not None if text else not pattern


class Model:
    """One set of rules, followed to the letter."""

    def __init__(self) -> None:
        self.allowed: set[str] = set()
        self.first: set[tuple[str, str]] = set()
        self.keys: list[tuple[str, str]] | None = []
        self.channels: list[str] | None = []

    def apply(self, rule: str) -> None:
        if rule in ("+@all", "allcommands"):
            self.allowed, self.first = set(EVERYTHING), set()
        elif rule in ("-@all", "nocommands"):
            self.allowed, self.first = set(), set()
        elif rule in ("allkeys", "~*", "%RW~*"):
            self.keys = None
        elif rule == "resetkeys":
            self.keys = []
        elif rule in ("allchannels", "&*"):
            self.channels = None
        elif rule == "resetchannels":
            self.channels = []
        elif rule == "+select|0":
            self.first.add(("select", "0"))
        elif rule[0] in "~%":
            letters, _, pattern = rule.partition("~")
            assert self.keys is not None
            self.keys.append((letters[1:] or "RW", pattern))
        elif rule[0] == "&":
            assert self.channels is not None
            self.channels.append(rule[1:])
        else:
            self.change(rule)

    def change(self, rule: str) -> None:
        if rule[1] == "@":
            named = {name for name, each in EVERYTHING.items() if rule[2:] in each.categories}
        else:
            named = {rule[1:]}
        for name in list(named):
            named |= {each.name for each in EVERYTHING[name].subcommands.values()}
        self.first = {pair for pair in self.first if pair[0] not in named}
        self.allowed = self.allowed | named if rule[0] == "+" else self.allowed - named

    def allows(self, command: Command, words: list[bytes]) -> bool:
        told = (command.name, words[1].decode() if len(words) > 1 else "")
        if command.name not in self.allowed and told not in self.first and not command.flags & NO_AUTH:
            return False
        return self.keys_allowed(command, words) and self.channels_allowed(command.name, words)

    def keys_allowed(self, command: Command, words: list[bytes]) -> bool:
        if self.keys is None:
            return True
        try:
            places = get_keys(command, words)
        except CommandError:
            return True
        # Rights to the same pattern add up, as they do in one rule.
        rights: dict[str, set[str]] = {}
        for letters, pattern in self.keys:
            rights.setdefault(pattern, set()).update(letters)
        for at, flags in places:
            needed = {"R"} if "access" in flags else set()
            if {"update", "insert", "delete"} & set(flags):
                needed.add("W")
            if not any(needed <= own and glob(pattern, words[at].decode()) for pattern, own in rights.items()):
                return False
        return True

    def channels_allowed(self, name: str, words: list[bytes]) -> bool:
        if self.channels is None:
            return True
        if name in ("subscribe", "ssubscribe"):
            named = words[1:]
        elif name in ("publish", "spublish"):
            named = words[1:2]
        elif name == "psubscribe":
            return all(word.decode() in self.channels for word in words[1:])
        else:
            return True
        return all(any(glob(pattern, word.decode()) for pattern in self.channels) for word in named)


def build(*sets: list[str]) -> tuple[Account, list[Model]] | None:
    """A user with a root and selectors, and their models; None if the rules are none."""
    user, models = User(b"u"), []
    try:
        for rule in sets[0]:
            user.apply(rule.encode())
        for each in sets[1:]:
            user.apply(f"({' '.join(each)})".encode())
    except RuleError:
        return None
    for each in sets:
        models.append(Model())
        for rule in each:
            models[-1].apply(rule)
    return Account(user), models


@settings(max_examples=400)
@given(root=rules, other=rules, words=request)
def test_verdicts(root: list[str], other: list[str], words: list[bytes]) -> None:
    built = build(root, other)
    if built is None:
        return
    account, models = built
    command = lookup(words)
    assert command is not None
    expected = any(model.allows(command, words) for model in models)
    assert (account.verdict(command, words)[0] == 0) == expected
    # And once more for the user that its own text makes.
    again = User(b"u")
    from redpoll.security.rules import joined

    for rule in joined(account.user.text().split()):
        again.apply(rule)
    assert again.text() == account.user.text()
    assert (Account(again).verdict(command, words)[0] == 0) == expected


SIGNS = [b"+", b"-", b"~", b"%", b"&", b">", b"<", b"#", b"!", b"(", b")", b"@", b"|", b"=", b",", b" ", b"\0", b"*"]
PIECES = [
    *SIGNS, b"get", b"config", b"all", b"read", b"on", b"db", b"1", b"-1", b"99999999999", b"R", b"RW", b"x", b"reset",
    b"resetkeys", b"allkeys", b"allchannels", b"alldbs", b"nopass", b"+get", b"+select|", b"(+get", b"~a)", b"\xff",
    b"0" * 64, b"\n",
]  # fmt: skip
nonsense = st.lists(
    st.one_of(
        st.lists(st.sampled_from(PIECES), min_size=0, max_size=5).map(b"".join),
        st.binary(max_size=12),
        rules.map(lambda found: found[0].encode() if found else b""),
    ),
    min_size=1,
    max_size=6,
)


def facts(user: User) -> tuple[Any, ...]:
    """All that a user's rules say."""
    return user.text(), [(each.bits, each.first_args, each.databases, each.keys) for each in user.every_selector]


@settings(max_examples=600)
@given(before=rules, words=nonsense)
def test_nonsense_changes_nothing(before: list[str], words: list[bytes]) -> None:
    """Rules are all taken, and tell themselves again, or the user stays what it was."""
    users = Users()
    try:
        users.put(users.modified(b"u", [rule.encode() for rule in before]))
    except RuleError:
        return
    account = users.get(b"u")
    was = facts(account.user)
    try:
        made = users.modified(b"u", words)
    except RuleError:
        assert facts(account.user) == was
        return
    assert facts(account.user) == was
    users.put(made)
    told = users.get(b"u").user.line()
    assert b"\n" not in told
    assert users.read([told], "file")[b"u"].text() == made.text()


@settings(max_examples=60)
@given(lists=st.lists(nonsense, min_size=1, max_size=12))
def test_nonsense_gets_one_reply(server: Server, lists: list[list[bytes]]) -> None:
    with server.connect() as connection:
        for words in lists:
            was = connection.call("ACL", "LIST")
            reply = connection.call("ACL", "SETUSER", "fuzzed", *words)
            if isinstance(reply, ErrorReply):
                assert reply.startswith("ERR ")
                assert connection.call("ACL", "LIST") == was
            else:
                assert reply == "OK"
            assert not connection.has_data()
        connection.call("ACL", "DELUSER", "fuzzed")


WORDS = st.sampled_from([b"a", b"b1", b"1", b"2", b"GET", b"STORE", b"STREAMS", b"KEYS", b"BY", b"", b"ab", b"x"])
WITH_KEYS = sorted(name for name, each in EVERYTHING.items() if each.key_specs)


@pytest.mark.parametrize("name", WITH_KEYS)
@settings(max_examples=30)
@given(data=st.data())
def test_keys_of_every_command(name: str, data: Any) -> None:
    """Where dispatch looks for keys is where the declaration has them, whatever the words are."""
    command = EVERYTHING[name]
    least = abs(command.arity)
    count = data.draw(st.integers(least, least if command.arity > 0 else least + 6))
    head = [word.encode() for word in name.split("|")]
    words = head + [data.draw(WORDS) for _ in range(count - len(head))]
    patterns = data.draw(st.lists(st.sampled_from(["~a*", "%R~*", "%W~*", "%R~b1", "%W~x", "~1"]), max_size=3))
    model = Model()
    user = User(b"u", all_channels=True)
    for rule in ["+@all", *patterns]:
        user.apply(rule.encode())
        model.apply(rule)
    found = find(name.encode())
    assert found is command
    assert REGISTRY
    assert (Account(user).verdict(command, words)[0] == 0) == model.keys_allowed(command, words)
