"""What is imported later than redis-py would have it is there for everybody, and whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest

redis = pytest.importorskip("redis")


def test_a_module_that_waits_is_whole_for_all(run_python: Callable[..., str]) -> None:
    shown = run_python(
        """
        import sys, threading
        sys.modules["opentelemetry"] = None  # where it is installed, it needs the module at once
        import redpoll
        with redpoll.connect(decode_responses=True) as client:
            client.set("k", "v")
            told = client.client_info()
        waits = type(sys.modules["importlib.metadata"]).__name__
        found = []

        def look():
            import importlib.metadata
            from importlib.metadata import PackageNotFoundError
            try:
                importlib.metadata.version("no such package")
            except PackageNotFoundError:
                found.append(importlib.metadata.version("redis"))

        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        import importlib, importlib.metadata
        import redis
        module = importlib.metadata
        assert module is sys.modules["importlib.metadata"]
        assert redis.utils.metadata is module
        assert "version" in module.__all__ and "version" in dir(module)
        try:
            module.no_such_name
        except AttributeError as error:
            print(error)
        assert importlib.reload(module) is module
        assert told.get("lib-ver", redis.__version__) == redis.__version__
        print(waits, len(found), set(found) == {redis.__version__}, type(module).__name__)
        """
    )
    lines = shown.splitlines()
    assert lines[0] == "module 'importlib.metadata' has no attribute 'no_such_name'"
    waits, *rest = lines[1].split()
    assert rest == ["8", "True", "module"]
    if int(redis.__version__.split(".")[0]) >= 8:
        assert waits == "Postponed"


def test_a_module_that_is_there_already_stays(run_python: Callable[..., str]) -> None:
    shown = run_python(
        """
        import importlib.metadata as before
        import redpoll
        redpoll.connect().close()
        import importlib.metadata as after
        print(before is after, type(after).__name__)
        """
    )
    assert shown.split() == ["True", "module"]


def test_a_module_that_cannot_be_executed_is_told_each_time() -> None:
    import sys
    from importlib.machinery import ModuleSpec

    from redpoll.embedded.loading import Postponed

    class Broken:
        def exec_module(self, _module: object) -> None:
            raise ImportError("broken")

    module = Postponed("broken")
    module.__spec__ = ModuleSpec("broken", Broken())  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(ImportError, match="broken"):
            _ = module.anything
    assert "broken" not in sys.modules
