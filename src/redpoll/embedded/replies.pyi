"""Replies as Python values, as plain Python sees them; see replies.pyx."""

from collections.abc import Callable
from typing import Any

class ReplyError(Exception): ...
class PushReply(list[Any]): ...

class Decoding:
    decoding: bool
    encoding: str
    errors: str
    sets: bool
    make_error: Callable[[str], Any]
    def __init__(
        self,
        decoding: bool = ...,
        encoding: str = ...,
        errors: str = ...,
        make_error: Callable[[str], Any] | None = ...,
        sets: bool = ...,
    ) -> None: ...
