"""A session without prompt_toolkit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from tests.cli.tmux import Screen


def test_without_prompt_toolkit_lines_are_read_plainly(server: Any, screens: Callable[..., Screen]) -> None:
    code = "import sys; sys.modules['prompt_toolkit'] = None; from redpoll.cli.__main__ import main; sys.exit(main())"
    quiet = {"TERM": "xterm-256color", "REDISCLI_HISTFILE": "/dev/null", "REDISCLI_RCFILE": "/dev/null"}
    screen = screens([sys.executable, "-c", code, "-p", str(server.port)], quiet)
    screen.wait_for("Completion and colours need prompt_toolkit: pip install 'redpoll[cli]'")
    screen.wait_for_match(rf"^127\.0\.0\.1:{server.port}>$")
    screen.enter("echo 'a b'")
    screen.wait_for_match(r'^"a b"$')
    screen.press("C-d")
    assert screen.wait_for_end() == 0
