# SPDX-License-Identifier: Apache-2.0
"""A function that an agent calls, watched: `@session.tool`, and `@byline.tool` for functions that are there before any session is.

    @byline.tool                                    # anything in the work tree may change
    def run(command: str) -> str: ...

    @byline.tool(paths="path", call_id="call_id")   # the file that the one argument names, in the call that the other names
    async def write_file(path: str, text: str, call_id: str | None = None) -> str: ...

`paths` is the name of an argument that holds a path or several, names of such arguments, or a function that takes what the tool takes
and returns paths. Without `call_id` the call is that of the watch around it, if there is one. What the function returns and raises
stays as it is; a call that the rules for agents do not allow raises `RefusedError` instead (`byline.flow.tool_permits`). Outside any
session nothing is watched.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any, TypeVar, overload

from byline.flow.tool_permits import check_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from inspect import BoundArguments
    from typing import TypeAlias

    from byline.flow.sessions import Session
    from byline.flow.watching import Watch

    StrPath: TypeAlias = str | os.PathLike[str]
    Paths: TypeAlias = Iterable[StrPath] | StrPath
    PathsOf: TypeAlias = str | Iterable[str] | Callable[..., Iterable[StrPath]]

Function = TypeVar("Function", bound="Callable[..., Any]")


class ToolDecorator:
    """The decorator; `find` returns the session of a call, or None."""

    def __init__(self, find: Callable[[], Session | None]) -> None:
        self._find = find

    @overload
    def __call__(self, function: Function, /) -> Function: ...
    @overload
    def __call__(
        self, /, *, paths: PathsOf | None = None, call_id: str | None = None, name: str | None = None
    ) -> Callable[[Function], Function]: ...
    def __call__(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        paths: PathsOf | None = None,
        call_id: str | None = None,
        name: str | None = None,
    ) -> object:
        """Return `function`, each call of it watched; the tool is recorded as `name`, or as what the function is called.

        Raises:
            TypeError: A generator, whose work is not done when it returns; or it has no such arguments.
        """
        if function is None:
            return lambda function: self._wrap(function, _Described(function, paths, call_id, name))
        return self._wrap(function, _Described(function, paths, call_id, name))

    def _wrap(self, function: Callable[..., Any], described: _Described) -> Callable[..., Any]:
        from inspect import iscoroutinefunction

        find = self._find
        if iscoroutinefunction(function):

            @functools.wraps(function)
            async def later(*args: object, **kwargs: object) -> object:
                if (session := find()) is None:
                    return await function(*args, **kwargs)
                from asyncio import to_thread

                async with await to_thread(described.watch, session, args, kwargs):
                    return await function(*args, **kwargs)

            return later

        @functools.wraps(function)
        def now(*args: object, **kwargs: object) -> object:
            if (session := find()) is None:
                return function(*args, **kwargs)
            with described.watch(session, args, kwargs):
                return function(*args, **kwargs)

        return now


class _Described:
    """How a call of a tool is watched."""

    def __init__(self, function: Callable[..., Any], paths: PathsOf | None, call_id: str | None, name: str | None) -> None:
        from inspect import isasyncgenfunction, isgeneratorfunction, signature

        if isgeneratorfunction(function) or isasyncgenfunction(function):
            raise TypeError("a generator's work is not done when it returns: use session.watch inside it")
        self._signature = signature(function)
        self._name = name or str(getattr(function, "__name__", type(function).__name__))
        self._paths = (paths,) if isinstance(paths, str) else paths if paths is None or callable(paths) else tuple(paths)
        self._call = call_id
        asked = {*(self._paths if isinstance(self._paths, tuple) else ()), *([call_id] if call_id else ())}
        if missing := sorted(asked - self._signature.parameters.keys()):
            raise TypeError(f"{self._name} has no argument {', '.join(missing)}")

    def watch(self, session: Session, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Watch:
        """Return the watch of a call that is allowed."""
        bound = session.recorder.guard(f"what {self._name} was called with was not understood", self._bind, args, kwargs)
        told = (bound and session.recorder.guard(f"the paths of {self._name} were not found", self._of, bound, args, kwargs)) or {}
        given = bound.arguments if bound else dict(kwargs)
        check_call(session, self._name, given, call_id=told.get("call_id"), paths=told.get("paths"))
        return session.watch(tool=self._name, **told)

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> BoundArguments:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound

    def _of(self, bound: BoundArguments, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        call = bound.arguments.get(self._call) if self._call else None
        told: dict[str, Any] = {} if call is None else {"call_id": str(call)}
        if callable(self._paths):
            told["paths"] = [os.fspath(path) for path in self._paths(*args, **kwargs)]
        elif self._paths is not None:
            told["paths"] = paths_in(bound.arguments, self._paths)
        return told


def each_path(paths: Paths) -> Iterable[StrPath]:
    """Return `paths`; a path alone is one path, and not its letters."""
    return (paths,) if isinstance(paths, str | os.PathLike) else paths


def paths_in(arguments: Mapping[str, Any], names: Iterable[str]) -> list[StrPath]:
    """Return the paths that the arguments `names` hold.

    Raises:
        KeyError: There is no such argument.
        TypeError: It holds no path.
    """
    return [path for name in names for path in _paths(arguments[name])]


def _paths(value: object) -> list[StrPath]:
    if value is None:
        return []
    if isinstance(value, str | os.PathLike):
        return [os.fspath(value)]
    if isinstance(value, list | tuple | set | frozenset):
        return [path for each in value for path in _paths(each)]
    raise TypeError(f"{type(value).__name__} is no path")
