# SPDX-License-Identifier: Apache-2.0
"""A method that waits for the disk, as one that is awaited: `awrite = in_thread(write)` in a class has the arguments of `write`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

Owner = TypeVar("Owner")
Given = ParamSpec("Given")
Value = TypeVar("Value")


def in_thread(
    method: Callable[Concatenate[Owner, Given], Value],
) -> Callable[Concatenate[Owner, Given], Coroutine[object, object, Value]]:
    """Return `method` as a coroutine function that runs it in a thread of the loop's pool, in the caller's context.

    A task that is cancelled does not wait any longer; what the thread has begun it ends, and records.
    """

    async def awaited(owner: Owner, /, *args: Given.args, **kwargs: Given.kwargs) -> Value:
        from asyncio import to_thread

        return await to_thread(method, owner, *args, **kwargs)

    awaited.__name__ = f"a{method.__name__}"
    awaited.__doc__ = f"`{method.__name__}`, in a thread."
    return awaited
