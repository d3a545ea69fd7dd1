# SPDX-License-Identifier: Apache-2.0
r"""The tool calls of agents that a framework runs, each watched in the session of the agent that made it.

    calls = ToolCalls("langchain", paths={"write_file": "path", "read_file": ()})
    with calls.watch("write_file", {"path": "a.py"}, call_id="c1", agent="coder", model="m-1", run="t1"):
        ...                                         # the tool is at work here, and `byline.current()` is the coder's session

What may change is said for each tool as for `session.tool`: the name of an argument, names, or a function that takes what the tool
takes; `()` is a tool that changes nothing. Of a tool that `paths` does not name, or that was called without that argument, anything
may change, and the whole work tree is looked at. A change counts as well where the tool raises.

What the rules for agents do not let the agent do raises `RefusedError` before the tool is at work (`byline.flow.tool_permits`).

Whose session it is: that in whose `with` the program is, or where there is none, one for each `run` (the framework's own id; None is
one for all). The first agent that is met in a run is the session's; another one has a session of its own below it, once for a run
(a handoff). An agent that is run by a tool which is watched itself is always a sub-agent, of whatever name.

What a person asked for is kept where they chose that (`Session.prompt`), once, before the first call that follows; it is what the
framework says the run was asked, of the first agent: what one agent asks another is no person's.

Nothing is guessed: what the framework does not know is None. An agent without a name is the session's, or is called what the
framework is.
"""

from __future__ import annotations

import os
from asyncio import to_thread
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from byline.flow.naming import AGENT
from byline.flow.recording import word
from byline.flow.sessions import current, session
from byline.flow.tool_permits import check_call
from byline.flow.tools import paths_in
from byline.flow.watching import call_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from byline.flow.sessions import Session
    from byline.flow.tools import PathsOf, StrPath

MOST_REMEMBERED = 1000  # sessions of runs that may still go on


class Known(TypedDict, total=False):
    """What a framework knows of a call, beside its tool and arguments: its id, who made it with which model, in which run, and what for.

    `prompt` is what the agent that calls was asked last; None where that is no text.
    """

    call_id: str | None
    agent: str | None
    model: str | None
    run: str | None
    prompt: str | None


class ToolCalls:
    """How an adapter for `framework` watches; safe for threads. `agent` is who calls where the framework has no name for it."""

    def __init__(
        self, framework: str, *, agent: str | None = None, root: StrPath | None = None, paths: Mapping[str, PathsOf] | None = None
    ) -> None:
        self._framework = framework
        self._agent = word(agent)
        self._root = root
        self._paths = dict(paths or {})
        self._sessions: dict[tuple[str | None, ...], Session] = {}

    @contextmanager
    def watch(self, tool: str, arguments: object, **known: Unpack[Known]) -> Iterator[Session]:
        """Watch a call of `tool` with `arguments` (names and values, as far as they are known), and be in the agent's session.

        Raises:
            RefusedError: The rules for agents do not allow the call.
        """
        at_work, call = self._at_work(tool, arguments, known)
        self._begin(at_work, arguments, call, known)
        with at_work, at_work.watch(**call):
            yield at_work

    @asynccontextmanager
    async def awatch(self, tool: str, arguments: object, **known: Unpack[Known]) -> AsyncIterator[Session]:
        """`watch`, which waits for the disk in a thread.

        Raises:
            RefusedError: As `watch`.
        """
        at_work, call = self._at_work(tool, arguments, known)
        await to_thread(self._begin, at_work, arguments, call, known)
        async with at_work, at_work.watch(**call):
            yield at_work

    def check(self, tool: str, arguments: object, **known: Unpack[Known]) -> None:
        """Check that the agent may make a call, which `watch` does as well.

        Raises:
            RefusedError: The rules for agents do not allow it.
        """
        at_work, call = self._at_work(tool, arguments, known)
        check_call(at_work, arguments=arguments, **call)

    def _begin(self, at_work: Session, arguments: object, call: dict[str, Any], known: Known) -> None:
        """Keep what was asked for, if that is new and a person's, and check that the call may be made.

        Raises:
            RefusedError: It may not.
        """
        prompt = known.get("prompt")
        if prompt and prompt != at_work.recorder.asked and not at_work.is_inner:
            at_work.prompt(prompt)
        check_call(at_work, arguments=arguments, **call)

    def _at_work(self, tool: str, arguments: object, known: Known) -> tuple[Session, dict[str, Any]]:
        """Return the session of who calls `tool`, and what is watched and checked of the call."""
        at_work = self.session(agent=known.get("agent"), run=known.get("run"))
        targets = self._targets(at_work, tool, arguments)
        return at_work, {"tool": tool, "call_id": known.get("call_id"), "model": known.get("model"), "paths": targets}

    def session(self, *, agent: str | None = None, run: str | None = None) -> Session:
        """Return the session of the agent named `agent` in `run`."""
        outer, name = current(), word(agent) or self._agent
        around = call_of(outer.recorder) if outer else None
        key = (outer.id if outer else None, around.id if around else None, run)
        if outer is not None and around is None:
            main = outer
        else:
            named = name or (None if outer else os.environ.get(AGENT) or self._framework)
            main = self._remembered(key, lambda: session(agent=named, root=self._root, session_id=None if outer else run))
        if name in (None, main.agent.name):
            return main
        return self._remembered((*key, name), lambda: main.child(agent=name, root=self._root))

    def _remembered(self, key: tuple[str | None, ...], make: Callable[[], Session]) -> Session:
        if key not in self._sessions and len(self._sessions) >= MOST_REMEMBERED:
            self._sessions.pop(next(iter([*self._sessions])), None)
        # Without a lock: of two threads that come at once one makes a session that nobody uses.
        return self._sessions.get(key) or self._sessions.setdefault(key, make())

    def _targets(self, at_work: Session, tool: str, arguments: object) -> list[StrPath] | None:
        """Return the files that a call may change; None: any."""
        asked = self._paths.get(tool)
        known: dict[str, Any] = dict(arguments) if isinstance(arguments, dict) else {}
        if asked is None or asked == "*":
            return None
        if callable(asked):
            return at_work.recorder.guard(f"the paths of {tool} were not found", lambda: [*asked(**known)])
        names = (asked,) if isinstance(asked, str) else tuple(asked)
        if not known.keys() >= set(names):
            return None
        return at_work.recorder.guard(f"the paths of {tool} were not found", paths_in, known, names)
