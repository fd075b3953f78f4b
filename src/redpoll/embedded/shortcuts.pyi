"""Callbacks in fewer steps, as plain Python sees them; see shortcuts.pyx."""

from typing import Any

def shortened(callback: Any) -> Any: ...
