"""The lock of a store, as plain Python sees it; see guard.pyx."""

from types import TracebackType

class Guard:
    def __enter__(self) -> Guard: ...
    def __exit__(
        self,
        kind: type[BaseException] | None = ...,
        error: BaseException | None = ...,
        traceback: TracebackType | None = ...,
    ) -> None: ...
    @property
    def mine(self) -> bool: ...
    def after_fork(self) -> None: ...
