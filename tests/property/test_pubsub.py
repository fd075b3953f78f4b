"""Messages reach those whose channels and patterns match, against a model that tries each one."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers import Server

SETTINGS = settings(max_examples=80)
CHANNELS = st.one_of(
    st.text("ab:", max_size=4),
    st.integers(20, 30).map(lambda size: "a" * size),
    st.integers(20, 30).map(lambda size: "a" * size + "b"),
)
PATTERNS = st.one_of(
    st.text("ab:*?", max_size=5),
    CHANNELS.map(lambda text: text + "*"),
    CHANNELS.map(lambda text: "*" + text),
    st.sampled_from(["[ab]*", "a[^b]", "\\a*", "a\\*", "*"]),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["SUBSCRIBE", "UNSUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE"]), CHANNELS),
        st.tuples(st.sampled_from(["PSUBSCRIBE", "PUNSUBSCRIBE"]), PATTERNS),
        st.tuples(st.sampled_from(["PUBLISH", "SPUBLISH"]), CHANNELS),
        st.tuples(st.sampled_from(["PUBLISH"]), CHANNELS),
    ),
    max_size=30,
)


_PARTS = {"*": ".*", "?": ".", "[^b]": "[^b]", "[ab]": "[ab]"}


def matches(pattern: str, channel: str) -> bool:
    """Globs by way of regular expressions; for the few forms that are made above."""
    parts = re.finditer(r"\\(.)|\[\^b\]|\[ab\]|[*?]|.", pattern)
    made = "".join(_PARTS.get(part[0]) or re.escape(part[1] or part[0]) for part in parts)
    # No pattern but the empty one matches the empty channel, as in Redis.
    return re.fullmatch(made, channel, re.DOTALL) is not None and (bool(channel) or not pattern)


@SETTINGS
@given(steps=st.lists(st.tuples(st.integers(0, 1), STEPS), max_size=3))
def test_messages_reach_whom_they_should(server: Server, steps: list[tuple[int, list[tuple[str, str]]]]) -> None:
    kinds = {"": set, "P": set, "S": set}
    with server.connect() as sender, server.connect() as one, server.connect() as other:
        clients = [one, other]
        own = [{kind: make() for kind, make in kinds.items()} for _ in clients]
        for number, some in steps:
            for name, word in some:
                if name.endswith("PUBLISH"):
                    expected = [[] for _ in clients]
                    for mine, wanted in zip(own, expected, strict=True):
                        if name == "SPUBLISH":
                            wanted += [["smessage", word]] if word in mine["S"] else []
                        else:
                            wanted += [["message", word]] if word in mine[""] else []
                            wanted += [["pmessage", each, word] for each in mine["P"] if matches(each, word)]
                    assert sender.call(name, word, "text") == sum(map(len, expected))
                    for client, wanted in zip(clients, expected, strict=True):
                        got = [[part.decode() for part in client.read()] for _ in wanted]
                        assert sorted(got) == sorted([*each, "text"] for each in wanted)
                else:
                    kind = name.removesuffix("SUBSCRIBE").removesuffix("UN")
                    mine = own[number][kind]
                    mine.discard(word) if "UN" in name else mine.add(word)
                    count = len(own[number]["S"]) if kind == "S" else len(own[number][""]) + len(own[number]["P"])
                    assert clients[number].call(name, word) == [name.lower().encode(), word.encode(), count]
        channels = {each for mine in own for each in mine[""]}
        assert sorted(sender.call("PUBSUB", "CHANNELS")) == sorted(each.encode() for each in channels)
        assert sender.call("PUBSUB", "NUMPAT") == len({each for mine in own for each in mine["P"]})
