"""Several works that stand and fall together.

Example: `await beside(up.run(), down.run())` ends when the first of them does, with what that one raised.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def beside(*works: Coroutine[Any, Any, None]) -> None:
    """Let these run beside each other until one ends; what it raised is raised here."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
