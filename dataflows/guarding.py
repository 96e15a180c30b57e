"""Errors inside the engine: seen and told before the engine can lose them.

Between processes Bytewax replaces what a step raised by a panic of its own, in every process.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from bytewax.operators import StatefulBatchLogic

T = TypeVar("T")


class Guard:
    """A context manager that tells of an error before it travels through the engine.

    Parameters
    ----------
    on_error
        Called with the error; may end the process.
    """

    def __init__(self, on_error: Callable[[BaseException], None] = lambda _error: None) -> None:
        self.on_error = on_error

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and not isinstance(error, StopIteration):
            self.on_error(error)

    def call(self, step: Callable[..., T]) -> Callable[..., T]:
        """The same step under this guard."""

        def guarded(*arguments: Any) -> T:
            with self:
                return step(*arguments)

        return guarded


class GuardedLogic(StatefulBatchLogic[Any, Any, Any]):
    """A stateful step under a guard."""

    def __init__(self, guard: Guard, make: Callable[[], StatefulBatchLogic[Any, Any, Any]]) -> None:
        self._guard = guard
        with guard:
            self._logic = make()

    def on_batch(self, values: list[Any]) -> Any:
        """As the step's."""
        with self._guard:
            return self._logic.on_batch(values)

    def snapshot(self) -> Any:
        """As the step's."""
        with self._guard:
            return self._logic.snapshot()
