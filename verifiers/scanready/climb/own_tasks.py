"""Show a coroutine its own tasks only, so that one that cancels "all tasks" ends only itself.

A cancellation cannot be taken back: the future that the other task waits for has it already. So ``asyncio.all_tasks``
answers with less, while the coroutine runs and in its thread.
"""

from __future__ import annotations

import asyncio
import threading
from asyncio import tasks as registry
from collections.abc import Callable, Iterable, Iterator
from typing import Any

_all_tasks = asyncio.all_tasks
#: The sets that Python's function looks through; for a package that imported the function by its name.
_SETS = {name: getattr(registry, name) for name in ("_all_tasks", "_scheduled_tasks") if hasattr(registry, name)}


class OwnTasks:
    """Stands for ``asyncio.all_tasks``, and for what that looks through.

    Args:
        own: returns the tasks that may be seen.
    """

    def __init__(self, own: Callable[[], Iterable[asyncio.Task[Any]]]) -> None:
        self._own, self._thread = own, threading.get_ident()

    def show(self) -> object:
        """Show no other tasks from now on; return the value that :meth:`hide` needs. Every step of a climb calls it."""
        before = asyncio.all_tasks
        asyncio.all_tasks = registry.all_tasks = self
        vars(registry).update(dict.fromkeys(_SETS, self))
        return before

    def hide(self, before: object) -> None:
        """Show again what was shown before: all tasks, or those that another step shows, in which a task began."""
        if not (isinstance(before, OwnTasks) and before._thread == self._thread):
            asyncio.all_tasks = registry.all_tasks = _all_tasks
            vars(registry).update(_SETS)
            return
        before.show()

    def __call__(self, loop: asyncio.AbstractEventLoop | None = None) -> set[asyncio.Task[Any]]:
        """Return the tasks that are not done; in another thread all of them, as ever."""
        if not self._is_here():
            return _all_tasks(loop)
        return {task for task in self._own() if not task.done()}

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        held: Iterable[asyncio.Task[Any]] = self._own() if self._is_here() else [*next(iter(_SETS.values()), ())]
        return iter(list(held))

    def __getattr__(self, name: str) -> Any:
        """Be Python's own set in all else, as where a task is added to it."""
        return getattr(next(iter(_SETS.values())), name)

    def _is_here(self) -> bool:
        return threading.get_ident() == self._thread
