"""Where the database is written, and waited for, while the event loop answers others."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="web")
"""Few: one of them writes at a time, whatever their number, and each that waits has a connection."""


async def in_thread(work: Callable[P, T], *arguments: P.args, **more: P.kwargs) -> T:
    """What `work` returns or raises, called in a thread."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, lambda: work(*arguments, **more))
