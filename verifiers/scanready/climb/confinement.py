"""Run a coroutine that may do what none should: it ends when it is said to, and ends nothing but itself.

A verifier may be another package's. It may wait for ever, swallow its cancellation, raise what ends an event loop, or
leave tasks behind. asyncio cannot end a task that swallows its cancellation, and :func:`asyncio.run` waits for it for
ever. So this module runs it step by step: a coroutine that does not end is left where it waits, and never runs again.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from concurrent.futures import Executor
from typing import Any, TypeVar

from scanready.causes import common
from scanready.model import Finding, Step
from scanready.net.deadlines import deadlines_of
from scanready.net.dial_gate import NotBegun
from scanready.net.passage import ALWAYS_OPEN, Passage
from scanready.net.threads import DaemonThreads

from .misconduct import Misconduct
from .own_tasks import OwnTasks
from .turns import TurnTaken

T = TypeVar("T")
#: The methods of the loop that are replaced while a coroutine runs.
_REPLACED = ("create_task", "stop", "run_in_executor")

#: Seconds that a cancelled coroutine has for its own end, a polite close included.
WIND_DOWN = 0.5
#: Threads at once of one coroutine (``asyncio.to_thread``).
_THREADS = 32


class Overran(TimeoutError):
    """The time was over, and the coroutine ended when it was cancelled."""


async def confined(what: Awaitable[T], end: float, passage: Passage = ALWAYS_OPEN) -> T:
    """Return what ``what`` returns; it is cancelled at ``end`` (the loop's time), and abandoned soon after.

    The tasks that it started and left behind end with it. ``end`` is later by the time that stands still in
    ``passage``.

    Raises:
        Overran: the time was over.
        Misconduct: it was abandoned, or did what no verifier may do.
        Exception: as it raises them, or as a task that it started did, if it did not look at that.
    """
    place = _Confinement()
    try:
        return await place.run(what, end, passage)
    except asyncio.CancelledError:
        await place.sweep(telling=False)  # the run is over: its cancellation is what counts
        raise
    finally:
        await place.sweep()


def finding_of(error: Exception, type_: str, step: Step) -> Finding | None:
    """Return the finding for a verifier of ``type_`` that was ended at ``step``; None if it ended by itself."""
    match error:
        case Overran():
            waited = f"the verifier of {type_} was still waiting at the step {step}"
            return Finding(common.OUT_OF_TIME, f"{waited} when this target's time limit ended")
        case Misconduct():
            return Finding(common.BUG, f"the verifier of {type_} {error}")
        case _:
            return None


class _Confinement:
    """Hold one coroutine and the tasks that it starts."""

    def __init__(self) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._create = loop.create_task
        self._run_in = loop.run_in_executor
        self._threads: DaemonThreads | None = None
        self._started: dict[asyncio.Task[Any], _Driven[Any]] = {}
        self._stopped = False
        self._process = os.getpid()
        self._main: asyncio.Task[Any] | None = None
        self._tasks = OwnTasks(self._own)

    async def run(self, what: Awaitable[T], end: float, passage: Passage) -> T:
        """See :func:`confined`."""
        before, counted = passage.waited, 0.0
        driven = _Driven(self, what)
        task = self._create(driven.ended())
        self._main = task
        try:
            await self._until(task, end)
            while not task.done() and (stood := passage.waited_by_now - before) > counted:
                counted = stood
                await self._until(task, end + counted)
            in_time = task.done()
            if not in_time and not await self._ended(task, driven):
                raise Misconduct("ignored the end of its time and was abandoned")
            return self._outcome(task, driven, in_time)
        except asyncio.CancelledError:
            if not task.done():
                await self._ended(task, driven)
            raise
        finally:
            self._main = None  # a task that is kept keeps its coroutine
            driven.let_go()

    async def _until(self, task: asyncio.Task[Any], end: float) -> None:
        """Wait until a task is done, or until ``end``; the loop's shared timer is cheaper than one for each climb."""
        over: asyncio.Future[int] = self._loop.create_future()

        def note(_: object) -> None:
            if not over.done():
                over.set_result(0)

        deadlines = deadlines_of(self._loop)
        task.add_done_callback(note)
        step = deadlines.add(over, end)
        try:
            await over
        finally:
            deadlines.remove(over, step)
            task.remove_done_callback(note)

    def _own(self) -> list[asyncio.Task[Any]]:
        """Return the tasks that the coroutine may see: its own."""
        return [*self._started, *([self._main] if self._main else [])]

    async def sweep(self, *, telling: bool = True) -> None:
        """End the tasks that were left behind; raise the error of the first one that failed without being looked at.

        Args:
            telling: whether it raises that error.
        """
        if not self._started and self._threads is None:  # nearly always
            return
        errors = [task.exception() for task in self._started if telling and getattr(task, "_log_traceback", False)]
        if left := [task for task in self._started if not task.done()]:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=WIND_DOWN)
            await self._abandon()
            left.clear()
        while self._started:
            task, driven = self._started.popitem()
            if task.done() and not task.cancelled():
                task.exception()  # looked at, or the event loop complains of it
            driven.let_go()
            del task, driven
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        if errors and errors[0] is not None:
            try:
                raise errors[0]
            finally:
                errors.clear()

    def step(self, coroutine: Coroutine[Any, Any, T], thrown: BaseException | None) -> Any:
        """Run a coroutine to its next wait; what it starts meanwhile is ours, and it cannot stop the event loop.

        It sees the tasks that it started, and no others.

        A process that it forks ends there: it would do the rest of the run once more.
        """
        methods = vars(self._loop)
        before: dict[str, Any] = {name: methods[name] for name in _REPLACED if name in methods}
        methods["create_task"], methods["stop"] = self._start, self._refuse_to_stop
        methods["run_in_executor"] = self._in_thread
        shown = self._tasks.show()
        try:
            return coroutine.send(None) if thrown is None else coroutine.throw(thrown)
        finally:
            del thrown  # it may come back out, and would have this frame
            self._tasks.hide(shown)
            if os.getpid() != self._process:
                os._exit(0)
            for name in _REPLACED:
                del methods[name]
            methods.update(before)

    def _start(self, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        """Stand for the loop's ``create_task``."""
        if not asyncio.iscoroutine(coroutine):
            return self._create(coroutine, **options)  # raises what it always raises
        driven = _Driven(self, coroutine)
        task = self._create(driven.awaited(), **options)
        self._started[task] = driven
        return task

    def _in_thread(self, executor: Executor | None, function: Callable[..., T], *arguments: Any) -> asyncio.Future[T]:
        """Stand for the loop's ``run_in_executor``: :func:`asyncio.run` waits for the threads of the loop's own."""
        if executor is None:
            executor = self._threads = self._threads or DaemonThreads(_THREADS, "verifier")
        return self._run_in(executor, function, *arguments)

    def _refuse_to_stop(self) -> None:
        """Stand for the loop's ``stop``."""
        self._stopped = True

    def _outcome(self, task: asyncio.Task[T | None], driven: _Driven[T], in_time: bool) -> T:
        if task.cancelled():
            raise Misconduct("was cancelled from within") if in_time else Overran("the time was over")
        error, driven.error = driven.error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # it has this frame: a cycle
        if not in_time:
            raise Overran("the time was over")
        if self._stopped:
            raise Misconduct("tried to stop the event loop")
        return task.result()  # type: ignore[return-value]  # None only with an error

    async def _ended(self, task: asyncio.Task[Any], driven: _Driven[Any]) -> bool:
        """Cancel a task, and return whether it ended by that; else it is abandoned, with all that it started."""
        task.cancel()
        try:
            await asyncio.wait((task,), timeout=WIND_DOWN)
        finally:
            ended = task.done()
            if not ended:
                driven.abandoned = True
                task.cancel()
        if not ended:
            await self._abandon(task)
        return ended

    async def _abandon(self, *others: asyncio.Task[Any]) -> None:
        """Abandon the tasks that still run; ``others`` wait for them, and end with them."""
        left = [task for task in self._started if not task.done()]
        for task in left:
            self._started[task].abandoned = True
            task.cancel()
        if left or others:
            await asyncio.wait((*left, *others), timeout=WIND_DOWN)


class _Driven(Awaitable[T]):
    """Run an awaitable step by step; after it is abandoned, make no further step."""

    __slots__ = ("_confinement", "_coroutine", "abandoned", "error")

    def __init__(self, confinement: _Confinement, what: Awaitable[T]) -> None:
        self._confinement = confinement
        self._coroutine: Any = what if asyncio.iscoroutine(what) else _wait_for(what)
        self.abandoned = False
        self.error: Exception | TurnTaken | NotBegun | None = None

    async def ended(self) -> T | None:
        """Wait for it, and keep what it raises in :attr:`error`.

        A task that has the error itself would be a cycle with every ``asyncio.timeout`` in its traceback.
        """
        try:
            return await self
        except (Exception, TurnTaken, NotBegun) as error:  # noqa: BLE001  # raised again, by the task that waits for this one
            self.error = error
            return None

    async def awaited(self) -> T:
        """Wait for it, as a coroutine of which a task can be made."""
        return await self

    def __await__(self) -> Generator[Any, None, T]:
        thrown: BaseException | None = None
        while True:
            try:
                waits_for = self._confinement.step(self._coroutine, thrown)
            except StopIteration as returned:
                found: T = returned.value
                return found
            except BaseException as error:  # another package's may raise anything, and only some of it may pass
                if isinstance(error, Exception | asyncio.CancelledError | TurnTaken | NotBegun) or _is_ctrl_c(error):
                    raise
                raise Misconduct(_said(error)) from error  # it would end the loop, and all targets with it
            finally:
                thrown = None
            try:
                yield waits_for
            except BaseException as error:  # goes on to the coroutine that this one drives
                if self.abandoned or isinstance(error, GeneratorExit):
                    raise
                thrown = error
            finally:
                waits_for = None  # a task that failed: its error would have this frame

    def let_go(self) -> None:
        """Close the coroutine: its ``finally`` clauses run, and what it holds is freed."""
        if getattr(self._coroutine, "cr_frame", self) is None:  # it has ended, as nearly all have
            return
        waiting = list(_chain(self._coroutine))
        with contextlib.suppress(BaseException):  # another package's: it may raise anything, and has ended by that
            self._coroutine.close()
        for one in waiting:
            if inspect.getcoroutinestate(one) != inspect.CORO_CLOSED:
                _keep_for_ever(one)


def _chain(coroutine: Any) -> Iterator[Coroutine[Any, Any, Any]]:
    """Yield a coroutine, the one that it waits for, and so on."""
    while inspect.iscoroutine(coroutine):
        yield coroutine
        coroutine = coroutine.cr_await


async def _wait_for(what: Awaitable[T]) -> T:
    return await what


def _keep_for_ever(refuses_to_end: object) -> None:
    """Never free an object: to free such a coroutine is to run it once more, and Python then complains on stderr."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(refuses_to_end))


def _said(error: BaseException) -> str:
    match error:
        case SystemExit():
            return f"asked the process to exit ({ascii(error.code)[:80]})"
        case _:
            return f"raised {type(error).__name__[:80]}"


def _is_ctrl_c(error: BaseException) -> bool:
    """Whether it is a person who interrupts: only Python's own handler raises that, in the main thread."""
    if not isinstance(error, KeyboardInterrupt) or threading.current_thread() is not threading.main_thread():
        return False
    return signal.getsignal(signal.SIGINT) is signal.default_int_handler
