"""A program at a terminal that tmux draws, so that tests look at a screen and not at the bytes that make it."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.peers import find_tool

WAIT_SECONDS = 60.0
_SETTINGS = """\
set -s exit-empty off
set -s escape-time 0
set -g default-terminal xterm-256color
set -g history-limit 20000
set -g status off
"""


class Screen:
    """A terminal of a server of its own. Raises `PeerMissing` without tmux."""

    def __init__(self, folder: Path, command: list[str], environment: dict[str, str], *, width: int = 160) -> None:
        self.folder = folder
        self._tmux = [find_tool("tmux"), "-S", str(folder / "tmux.socket"), "-f", str(folder / "tmux.conf")]
        (folder / "tmux.conf").write_text(_SETTINGS)
        pairs = [f"{name}={value}" for name, value in environment.items()]
        # Whoever clears all below the very first line has tmux put what was there among what was scrolled away. And it
        # does not always know what exit code its child had, so that is shown.
        line = shlex.join(["env", "-u", "TMUX", "-u", "TMUX_PANE", *pairs, *command])
        line = f'trap : INT; echo; {line}; code=$?; echo; echo "(ended with $code)"; exec sleep {WAIT_SECONDS:g}'
        self._run("new-session", "-d", "-s", "one", "-x", str(width), "-y", "50", line)

    def _run(self, *words: str) -> str:
        done = subprocess.run([*self._tmux, *words], capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def type(self, text: str) -> None:
        """Type letters."""
        self._run("send-keys", "-t", "one", "-l", "--", text)

    def press(self, *names: str) -> None:
        """Press keys by their names: Enter, Tab, Up, C-c, M-Enter."""
        self._run("send-keys", "-t", "one", *names)

    def enter(self, text: str) -> None:
        """Type a line and press Enter."""
        self.type(text)
        self.press("Enter")

    def text(self) -> str:
        """All that was shown, without what was overwritten; spaces at the ends of lines are gone."""
        shown = self._run("capture-pane", "-p", "-J", "-t", "one", "-S", "-")
        return "\n".join(line.rstrip() for line in shown.splitlines()).rstrip("\n")

    def coloured(self) -> str:
        """What can be seen now, with the escape sequences of colours."""
        return self._run("capture-pane", "-p", "-e", "-t", "one")

    def last_line(self) -> str:
        """The last line that has something in it."""
        return self.text().rpartition("\n")[2]

    def wait(self, condition: Callable[[str], object], what: str) -> str:
        """Return what is shown as soon as the condition holds for it."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            text = self.text()
            if condition(text):
                return text
            assert time.monotonic() < deadline, f"{what} was not shown; shown is:\n{text}"
            time.sleep(0.02)

    def wait_for(self, text: str) -> str:
        """Return what is shown as soon as a text is."""
        return self.wait(lambda shown: text in shown, repr(text))

    def wait_for_match(self, pattern: str) -> re.Match[str]:
        """Return where what is shown matches, as soon as it does; lines begin at `^`."""
        compiled = re.compile(pattern, re.MULTILINE)
        found = compiled.search(self.wait(compiled.search, pattern))
        assert found is not None
        return found

    def wait_for_end(self) -> int:
        """Wait for the program's end and return its exit code."""
        return int(self.wait_for_match(r"^\(ended with (\d+)\)$")[1])

    def close(self) -> None:
        """End the terminal and what runs in it."""
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, timeout=WAIT_SECONDS, check=False)


class Prompt:
    """A session of the command line on a screen: lines are typed when it asks for one."""

    def __init__(self, screen: Screen, place: str) -> None:
        self.screen = screen
        self._prompt = re.compile(rf"^{re.escape(place)}(?:\[\d+\])?(?:\(TX\))?(?:\(subscribed mode\))?>", re.MULTILINE)
        self.ready(1)

    def _prompts(self, text: str) -> list[re.Match[str]]:
        return list(self._prompt.finditer(text))

    def ready(self, count: int) -> str:
        """Wait for that many prompts, the last of them with nothing behind it; returns what is shown."""

        def is_ready(text: str) -> bool:
            found = self._prompts(text)
            return len(found) >= count and text.endswith(found[-1][0])

        return self.screen.wait(is_ready, f"prompt number {count}")

    def run(self, line: str) -> str:
        """Type a line, wait for the next prompt, and return what was printed in between."""
        before = len(self._prompts(self.screen.text()))
        self.screen.enter(line)
        text = self.ready(before + 1)
        found = self._prompts(text)
        return text[found[before - 1].end() : found[-1].start()].partition("\n")[2]

    def drop(self) -> None:
        """Drop the line that is being typed."""
        before = len(self._prompts(self.screen.text()))
        self.screen.press("C-c")
        self.ready(before + 1)
