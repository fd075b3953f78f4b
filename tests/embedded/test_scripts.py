"""Scripts and functions in a store within this process."""

from pathlib import Path

import redpoll


def test_scripts_and_functions(tmp_path: Path) -> None:
    path = str(tmp_path / "app.rdb")
    with redpoll.connect(path) as client:
        assert client.eval("return {KEYS[1], ARGV[1], cjson.encode({1})}", 1, "k", "a") == [b"k", b"a", b"[1]"]
        script = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
        assert script(keys=["n"], args=[5]) == 5
        client.function_load(
            "#!lua name=l\nredis.register_function('f', function(k) return redis.call('GET', k[1]) end)"
        )
        assert client.fcall("f", 1, "n") == b"5"
    with redpoll.connect(path) as client:
        assert client.fcall("f", 1, "n") == b"5"


def test_a_slow_script_leaves_the_client_as_it_was() -> None:
    with redpoll.connect(directives={"busy_reply_threshold": "5"}) as client:
        assert client.eval("local i = 0 while i < 5e6 do i = i + 1 end return i", 0) == 5_000_000
        assert client.set("key", "value") is True
        assert client.eval("return redis.call('GET', KEYS[1])", 1, "key") == b"value"
