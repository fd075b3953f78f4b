"""Replies in fewer steps, as plain Python sees them; see shortcuts.pyx."""

from collections.abc import Callable
from typing import Any

def shortened(callback: Callable[..., Any] | None) -> Callable[..., Any] | None: ...
def noting(plain: Callable[..., Any], command: str, count: int) -> Callable[..., Any]: ...
