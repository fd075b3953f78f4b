"""Rules read and told again."""

import pytest

from redpoll import commands
from redpoll.commands import declare
from redpoll.security.rules import RuleError, Selector, User, joined
from redpoll.security.users import LoadError, Users

commands.load()


def selector(*rules: str) -> Selector:
    made = Selector()
    for rule in rules:
        made.apply(rule.encode())
    return made


def user(*rules: str) -> User:
    made = User(b"u")
    for rule in rules:
        made.apply(rule.encode())
    return made


def allows(rules: Selector, name: str) -> bool:
    command = declare.find(name.encode())
    assert command is not None
    return bool(rules.bits >> command.number & 1)


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ([], "resetchannels -@all"),
        (["+@all"], "resetchannels +@all"),
        (["allcommands", "-get"], "resetchannels +@all -get"),
        (["+get", "+set", "-get"], "resetchannels -@all +set -get"),
        (["+GET", "+@STRING", "+get"], "resetchannels -@all +@string +get"),
        (["+config|get", "+config"], "resetchannels -@all +config"),
        (["+config", "-config|set", "+config"], "resetchannels -@all +config"),
        (["+@all", "-@all", "+get"], "resetchannels -@all +get"),
        (["+select|0", "+select|1"], "resetchannels -@all +select|0 +select|1"),
        (["~a*", "%R~b", "%W~b", "%W~c"], "~a* ~b %W~c resetchannels -@all"),
        (["%R"], "%R~ resetchannels -@all"),
        (["~a", "allkeys"], "~* resetchannels -@all"),
        (["~a", "resetkeys", "~b"], "~b resetchannels -@all"),
        (["&a", "&b*"], "resetchannels &a &b* -@all"),
        (["&a", "allchannels"], "&* -@all"),
        (["db=3,1,1"], "resetchannels db=1,3 -@all"),
        (["db=1", "resetdbs"], "resetchannels resetdbs -@all"),
        (["db=1", "alldbs"], "resetchannels -@all"),
    ],
)
def test_a_selector_says_what_it_is(rules: list[str], text: str) -> None:
    made = selector(*rules)
    assert made.text() == text.encode()
    assert selector(*text.split()).text() == made.text()


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (["+nope"], "Unknown command or category name in ACL"),
        (["-nope"], "Unknown command or category name in ACL"),
        (["+@nope"], "Unknown command or category name in ACL"),
        (["-select|0"], "Unknown command or category name in ACL"),
        (["+config|nope"], "Unknown command or category name in ACL"),
        (["+config|get|x"], "Allowing first-arg of a subcommand is not supported"),
        (["+select|"], "Syntax error"),
        (["nope"], "Syntax error"),
        (["~a b"], "Syntax error"),
        (["&a b"], "Syntax error"),
        (["%X~a"], "Syntax error"),
        (["%RR~a"], "Syntax error"),
        (["%~a"], "Syntax error"),
        (["%"], "Syntax error"),
        (["+select|0 1"], "Syntax error"),
        (["+select|0\nuser"], "Syntax error"),
        (["db="], "Syntax error"),
        (["db=a"], "Syntax error"),
        (["db=1,"], "Syntax error"),
        (["db=-1"], "The provided database ID is out of range"),
        (["db=12345678987654321"], "The provided database ID is out of range"),
    ],
)
def test_what_is_no_rule(rules: list[str], reason: str) -> None:
    with pytest.raises(RuleError) as caught:
        selector(*rules)
    assert str(caught.value) == reason


@pytest.mark.parametrize("rule", ["on", ">x", "nopass", "reset", "(+get)", "clearselectors"])
def test_a_selector_takes_no_rules_of_users(rule: str) -> None:
    with pytest.raises(RuleError):
        user(f"({rule})")


def test_patterns_after_all_are_refused() -> None:
    with pytest.raises(RuleError, match="allkeys"):
        selector("allkeys", "~a")
    with pytest.raises(RuleError, match="allchannels"):
        selector("&*", "&a")


def test_categories_bring_subcommands() -> None:
    made = selector("+@admin")
    assert allows(made, "config|set")
    assert not allows(made, "get")
    made.apply(b"-config|set")
    assert not allows(made, "config|set")
    assert allows(made, "config|get")


def test_a_container_brings_its_subcommands() -> None:
    made = selector("+config")
    assert allows(made, "config|get")
    made.apply(b"-config")
    assert not allows(made, "config|get")


def test_all_is_all_only_as_long_as_nothing_is_taken() -> None:
    made = selector("+@all")
    assert made.all_commands
    made.apply(b"-get")
    assert not made.all_commands
    assert allows(made, "set")
    made.apply(b"+get")
    assert made.commands_text() == b"+@all +get"


def test_first_args_end_with_a_rule_for_their_command() -> None:
    made = selector("+select|0", "-select")
    assert made.first_args == {}
    assert made.commands_text() == b"-@all -select"


def test_passwords() -> None:
    made = user("on", ">a", ">b", ">a")
    assert len(made.passwords) == 2
    assert made.matches(b"a")
    assert made.matches(b"b")
    assert not made.matches(b"c")
    made.apply(b"<a")
    assert not made.matches(b"a")
    made.apply(b"nopass")
    assert made.matches(b"anything")
    made.apply(b">x")
    assert not made.matches(b"anything")
    made.apply(b"off")
    assert not made.matches(b"x")


def test_bad_passwords() -> None:
    for rule, part in (("#abc", "64 characters"), ("!" + "A" * 64, "64 characters"), ("<nope", "does not exist")):
        with pytest.raises(RuleError, match=part):
            user(rule)


def test_reset_makes_a_new_user() -> None:
    made = user("on", ">a", "+@all", "~*", "&*", "db=1", "skip-sanitize-payload", "(+get ~a)")
    made.apply(b"reset")
    assert made.text() == User(b"u").text()


def test_selectors() -> None:
    made = user("on", "nopass", "(+get ~a*)", "(%R~b +@read)")
    assert made.text() == (
        b"on nopass sanitize-payload resetchannels -@all (~a* resetchannels -@all +get) "
        b"(%R~b resetchannels -@all +@read)"
    )
    made.apply(b"clearselectors")
    assert made.selectors == []


def test_selectors_come_in_several_words() -> None:
    assert joined([b"on", b"(+get", b"~a", b"~b)", b"(+set)"]) == [b"on", b"(+get ~a ~b)", b"(+set)"]
    with pytest.raises(RuleError, match=r"Unmatched parenthesis in acl selector starting at '\(\+get'\."):
        joined([b"on", b"(+get", b"~a"])


def test_a_copy_is_another_one() -> None:
    made = user("+get", "~a", "&c", ">p", "(+set)", "+select|0")
    copy = made.copy()
    copy.apply(b"+@all")
    copy.apply(b"allkeys")
    copy.apply(b"allchannels")
    copy.apply(b"resetpass")
    copy.selectors[0].apply(b"+get")
    copy.apply(b"clearselectors")
    assert made.text() == user("+get", "~a", "&c", ">p", "(+set)", "+select|0").text()


def test_users_of_a_file() -> None:
    users = Users()
    read = users.read([b"user a on +get", b"", b"  user b off (+set ~x)\r"], "f")
    assert sorted(read) == [b"a", b"b"]
    gone = users.replace(read)
    assert gone == []
    assert users.names() == [b"a", b"b", b"default"]
    account = users.get(b"a")
    again = users.read(users.lines()[:1], "f")
    gone = users.replace(again)
    assert [one.name for one in gone] == [b"b"]
    assert users.get(b"a") is account


def test_everything_wrong_with_a_file_is_told() -> None:
    with pytest.raises(LoadError) as caught:
        Users().read([b"usr a", b"user a on", b"user a off", b"user b +nope", b"user"], "f")
    assert str(caught.value).count("f:") == 3
    assert "Duplicate user 'a' found on line 3" in str(caught.value)
