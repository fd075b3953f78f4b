"""Every command against every category, and against users who have it and who have not; generated from the table."""

import pytest
from redpoll.security.account import Account

from redpoll import commands
from redpoll.commands.declare import REGISTRY, Command
from redpoll.commands.flags import CATEGORIES, NO_AUTH
from redpoll.security.rules import User, every_command

commands.load()
EVERYTHING = {each.name: each for each in every_command()}
#: Allowed to everybody, as without them nobody could log in.
ALWAYS = {name for name, each in EVERYTHING.items() if each.flags & NO_AUTH}


def account(*rules: str) -> Account:
    user = User(b"u", all_channels=True)
    for rule in rules:
        user.apply(rule.encode())
    return Account(user)


def allowed(made: Account) -> set[str]:
    return {name for name, each in EVERYTHING.items() if made.verdict(each, request(each))[0] == 0}


def request(command: Command) -> list[bytes]:
    """The command's name, without anything that keys could be."""
    return [word.encode() for word in command.name.split("|")]


def with_subcommands(names: set[str]) -> set[str]:
    tops = {name for name in names if name in REGISTRY}
    return names | {sub.name for name in tops for sub in REGISTRY[name].subcommands.values()}


def test_the_table_is_whole() -> None:
    assert len(EVERYTHING) > 300
    assert len({each.number for each in EVERYTHING.values()}) == len(EVERYTHING)
    assert {"auth", "hello", "quit", "reset"} <= ALWAYS


@pytest.mark.parametrize("category", CATEGORIES)
def test_category(category: str) -> None:
    members = with_subcommands({name for name, each in EVERYTHING.items() if category in each.categories})
    assert allowed(account("allkeys", f"+@{category}")) == members | ALWAYS
    assert allowed(account("allkeys", "+@all", f"-@{category}")) == (set(EVERYTHING) - members) | ALWAYS


def test_every_command_is_in_some_category() -> None:
    assert [name for name, each in EVERYTHING.items() if not {"fast", "slow"} & set(each.categories)] == []


def bits(names: set[str]) -> int:
    return sum(1 << EVERYTHING[name].number for name in names)


def test_every_command_alone() -> None:
    everything = bits(set(EVERYTHING))
    for name, each in EVERYTHING.items():
        own = with_subcommands({name})
        made = account("allkeys", f"+{name}")
        assert made.user.root.bits == bits(own)
        assert made.verdict(each, request(each))[0] == 0
        made = account("allkeys", "+@all", f"-{name}")
        assert made.user.root.bits & everything == everything - bits(own)
        assert (made.verdict(each, request(each))[0] == 0) == (name in ALWAYS)
        assert account(f"+{name}", f"-{name}").user.root.bits == 0


def test_commands_to_come_are_all_or_none() -> None:
    newer = Command("newer", "NEWER", None, summary="x", group="string", since="1.0.0")
    assert account("+@all", "-@string").verdict(newer, [b"NEWER"])[0] == 0
    assert account("+@string").verdict(newer, [b"NEWER"])[0] != 0
