# SPDX-License-Identifier: Apache-2.0
r"""`byline.session`: three lines with which an agent, or the framework it is built with, records the edits that it makes.

    import byline

    with byline.session(agent="reviewer", model="example/model-1") as session:
        session.write("greeting.py", "print('hello')\n")
        session.edit("greeting.py", "hello", "good morning")

The session writes the files itself, atomically, and each change is an edit in the journal of the repository that holds the file:
`attested` evidence, channel `sdk`. Nothing else happens then: no git process but one to ask about ignored files, no signature, no
network. What goes wrong with a *file* is raised, as `open` would; what goes wrong with the *record* never is: it is a loss that
`byline status` shows, and `session.incomplete` is True. What others write is seen by `watch` (`flow.watching`) and told by `record`.

Inside `with`, and in the tasks and copied contexts started there, `byline.current()` is the session, and a session that is made there
is a sub-agent's: its id is `<parent>/<child>`. A plain thread has no context: give it the session, or `contextvars.copy_context().run`.
A process started with `session.environ()` goes on with the session when it calls `byline.session()`, or has a sub-agent's where it
names another agent.

A session can be shared by threads, forked, given to another process (it can be pickled), and used from async code: each method `x` that
touches files is also `await session.ax(...)`, which does the same in a thread.
"""

from __future__ import annotations

import os
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.agents import ON_BEHALF_OF, WATCHES, acts_for
from byline.core.attribution import Channel
from byline.core.patch import parse_patch, patch_files
from byline.core.value import replace
from byline.errors import RefusedError
from byline.flow.asynchronous import in_thread
from byline.flow.files import files_below, held, read_itself, read_or_none, read_regular, replace_file, set_mode
from byline.flow.naming import AGENT, MODEL, SESSION, VERSION, checked_principal, child_id, inherited_from, make_agent
from byline.flow.recording import Call, Recorder, word
from byline.flow.tools import ToolDecorator, each_path
from byline.flow.watching import Watch, call_of, windows_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from byline.core.attribution import Agent
    from byline.core.edit import Edit
    from byline.core.patch import FilePatch
    from byline.flow.tools import Paths, StrPath

# The sessions that are at work where the program is now, the innermost last.
_AT_WORK: ContextVar[tuple[Session, ...]] = ContextVar("byline_sessions", default=())


def current() -> Session | None:
    """Return the session in whose `with` the program is now."""
    return next(reversed(_AT_WORK.get()), None)


tool = ToolDecorator(current)


def session(
    *,
    agent: str | None = None,
    model: str | None = None,
    version: str | None = None,
    root: StrPath | None = None,
    session_id: str | None = None,
    on_behalf_of: str | None = None,
    channel: Channel = Channel.SDK,
) -> Session:
    """Return a session in which `agent`, driven by `model`, edits files below `root`.

    `agent` may be left out inside another session and in a process that `Session.environ` was given to. `model` is `provider/name`, or
    the agent's own word for it. `root` is the other session's, or the current folder. `session_id` goes on with a session that was
    begun elsewhere. `on_behalf_of` is the principal who lets the agent act (`p-...`, `s-...`); None is the other session's, or whom
    `BYLINE_ON_BEHALF_OF` names, else whoever signs. `channel` is for those who overhear an agent and do not write for it.

    Raises:
        ValueError: Nobody names an agent, or `on_behalf_of` is no id of a person or a service.
    """
    if (parent := current()) is not None:
        return parent.child(agent=agent, model=model, version=version, root=root, session_id=session_id, on_behalf_of=on_behalf_of)
    by, inherited = inherited_from(os.environ)
    is_same = by is not None and (agent is None or word(agent) == by.name)
    if inherited and by and not is_same:
        inherited = child_id(inherited)
    return Session(
        make_agent(agent, model, version, like=by if is_same else None),
        Path(os.path.abspath(root or ".")),  # noqa: PTH100 - keeps links
        word(session_id) or inherited or os.urandom(16).hex(),
        on_behalf_of=checked_principal(on_behalf_of) or acts_for(os.environ),
        channel=channel,
    )


class Session:
    """One run of one agent; made by `byline.session`. `id` names it in the journal, relative paths are below `root`.

    `on_ask` asks a person about what a rule wants asked first (`check`), and returns True for a yes; without it that is a no.
    `is_inner` says that it is a sub-agent's.
    """

    def __init__(self, by: Agent, root: Path, session_id: str, *, on_behalf_of: str | None = None, channel: Channel = Channel.SDK) -> None:
        self.id = session_id
        self.root = root
        self.recorder = Recorder(session_id, root, channel, on_behalf_of)
        self.on_ask: Callable[[RefusedError], bool] | None = None
        self.is_inner = False
        self._by = by

    def __reduce__(self) -> tuple[object, ...]:
        """Go on in another process, whose own number of edits it has; `on_ask` stays here."""
        made = partial(type(self), on_behalf_of=self.recorder.on_behalf_of, channel=self.recorder.channel)
        return made, (self._by, self.root, self.id), {"is_inner": self.is_inner}

    def __enter__(self) -> Self:
        _AT_WORK.set((*_AT_WORK.get(), self))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave the session; what was written stays, whatever happened. It can be entered again."""
        stack = _AT_WORK.get()
        if self in stack:  # not so where a generator was closed in another context than it began in
            last = len(stack) - 1 - stack[::-1].index(self)
            _AT_WORK.set(stack[:last] + stack[last + 1 :])

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.__exit__(kind, error, trace)

    # Who

    @property
    def agent(self) -> Agent:
        """The agent, as its edits are recorded from now on."""
        return self._by

    @property
    def model(self) -> str | None:
        """The model that drives the agent; may be set when it is switched: edits before keep the old one."""
        return self._by.model

    @model.setter
    def model(self, name: str | None) -> None:
        self._by = replace(self._by, model=word(name))

    def child(
        self,
        *,
        agent: str | None = None,
        model: str | None = None,
        version: str | None = None,
        root: StrPath | None = None,
        session_id: str | None = None,
        on_behalf_of: str | None = None,
    ) -> Session:
        """Return the session of a sub-agent: the same agent unless named, who acts for the same principal and asks the same person.

        Raises:
            ValueError: `on_behalf_of` is no id of a person or a service.
        """
        same = agent is None or word(agent) == self._by.name
        by = make_agent(agent, model, version, like=self._by if same else None)
        made = Session(
            by,
            self.root / (root or "."),
            word(session_id) or child_id(self.id),
            on_behalf_of=checked_principal(on_behalf_of) or self.recorder.on_behalf_of,
            channel=self.recorder.channel,
        )
        made.on_ask, made.is_inner = self.on_ask, True
        return made

    def environ(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment (`os.environ`, or `base`) for a process that works for this agent."""
        told = {SESSION: self.id, AGENT: self._by.name, VERSION: self._by.version, MODEL: self._by.model}
        base = os.environ if base is None else base
        told |= {ON_BEHALF_OF: self.recorder.on_behalf_of, WATCHES: " ".join(windows_now(base))}
        kept = {name: value for name, value in base.items() if name not in told}
        return kept | {name: value for name, value in told.items() if value}

    # Files

    def write(self, path: StrPath, content: str | bytes, *, call_id: str | None = None, tool: str | None = None) -> None:
        """Make `content` (text as UTF-8) the whole of the file at `path`, new or not, and record the edit.

        The file is replaced at once or not at all; its mode stays, a symbolic link is followed, folders that it needs are made.

        Raises:
            RefusedError: The rules for agents do not allow it.
            OSError: The file cannot be written.
        """
        data, call = content.encode() if isinstance(content, str) else content, self._call(call_id, tool)
        self._permit(call, path)
        file = self._resolve(path)
        with self.recorder.lock, held(file):
            self._replace(file, read_or_none(file), data, call)

    def edit(self, path: StrPath, old: str, new: str, *, call_id: str | None = None, tool: str | None = None) -> None:
        """Replace the one occurrence of `old` in the file at `path` by `new`, and record the edit.

        Raises:
            RefusedError: As `write`.
            ValueError: `old` does not occur exactly once.
            OSError: The file cannot be read or written.
        """
        call = self._call(call_id, tool)
        self._permit(call, path)
        file = self._resolve(path)
        with self.recorder.lock, held(file):
            before = read_regular(file)
            count = before.count(old.encode()) if old else 0
            if count != 1:
                raise ValueError(f"the text to replace occurs {count} times in {os.fspath(path)!r}, not once")
            self._replace(file, before, before.replace(old.encode(), new.encode()), call)

    def delete(self, path: StrPath, *, call_id: str | None = None, tool: str | None = None) -> None:
        """Remove the file at `path`, a symbolic link itself, and record that.

        Raises:
            RefusedError: As `write`.
            OSError: It is not there, is a folder, or cannot be removed.
        """
        call, file = self._call(call_id, tool), self._at(path)
        self._permit(call, path)
        with self.recorder.lock, held(file):
            before = read_itself(file)
            file.unlink()
            self._record(file, before, None, call, follow=False)

    def move(self, source: StrPath, target: StrPath, *, call_id: str | None = None, tool: str | None = None) -> None:
        """Move the file or folder at `source` to `target`, a file there is replaced, and record both sides of each file.

        Raises:
            RefusedError: As `write`.
            OSError: It is not there, `target` is a folder, or it cannot be moved.
        """
        import shutil

        call = self._call(call_id, tool)
        self._permit(call, source, target)
        old, new = self._at(source), self._at(target)
        with self.recorder.lock, held(old, new):
            if new.is_dir():
                raise IsADirectoryError(f"there is a folder at {os.fspath(target)!r}")
            moved = {file: read_itself(file) for file in files_below(old)}
            replaced = read_itself(new) if os.path.lexists(new) else None
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(old, new)
            for file, data in moved.items():  # first all that went: text that went is known where it comes again
                if not os.path.lexists(file):  # it stays where both are one file
                    self._record(file, data, None, call, follow=False)
            for file, data in moved.items():
                self._record(new / file.relative_to(old), replaced, data, call, follow=False)

    def apply_patch(self, text: str, *, call_id: str | None = None, tool: str | None = None) -> tuple[str, ...]:
        """Make the changes of a patch (`byline.core.patch`), all of them or none, record them, and return the paths that changed.

        Raises:
            RefusedError: As `write`; nothing is changed.
            PatchError: It is no patch, or does not fit; nothing is changed. It is a ValueError, too.
            OSError: A file cannot be read or written; what was changed before is recorded.
        """
        patches, call = parse_patch(text), self._call(call_id, tool)
        named = [name for each in patches for name in (each.old, each.new) if name is not None]
        self._permit(call, *named)
        with self.recorder.lock, held(*map(self._resolve, named)):
            made = patch_files(patches, lambda path: read_or_none(self._resolve(path)))
            programs = {each.new: self._runs(each) for each in patches if each.new and (each.mode or each.old not in (None, each.new))}
            for path, data in sorted(made.items(), key=lambda each: each[1] is not None):  # text that went is known where it comes again
                file = self._resolve(path)
                before = read_or_none(file)
                if data is None:
                    file.unlink()
                    self._record(file, before, None, call)
                else:
                    self._replace(file, before, data, call)
            for path, is_program in programs.items():
                set_mode(self._resolve(path), is_program=is_program)
        return tuple(made)

    def check(
        self,
        *,
        paths: Paths = (),
        command: str | None = None,
        cwd: StrPath | None = None,
        call_id: str | None = None,
        tool: str | None = None,
        model: str | None = None,
    ) -> None:
        """Check that the rules for agents let this one write `paths`, and run the shell line `command` in `cwd`; a "no" is recorded.

        For tools that do so by themselves; what the session writes is checked anyway. `model` is as for `watch`.

        Raises:
            RefusedError: They do not, or want a person to say yes first (`effect` is "ask").
        """
        self._permit(self._call(call_id, tool, model), *each_path(paths), command=command, cwd=cwd)

    awrite = in_thread(write)
    aedit = in_thread(edit)
    adelete = in_thread(delete)
    amove = in_thread(move)
    aapply_patch = in_thread(apply_patch)
    acheck = in_thread(check)

    # What others write

    def record(
        self, path: StrPath, *, before: bytes | None, after: bytes | None, call_id: str | None = None, tool: str | None = None
    ) -> Edit | None:
        """Record that the agent made the bytes `after` of `before` in the file at `path` (None: no file); never raises.

        For who writes files by other means and knows both sides. Returns the edit, or None where there is none to record: nothing
        changed, git ignores the file, or it could not be recorded (`incomplete`).
        """
        with self.recorder.lock:
            return self._record(self.root / path, before, after, self._call(call_id, tool))

    arecord = in_thread(record)

    def prompt(self, text: str) -> None:
        """Keep what a person asks the agent for, so that it can be proven (`byline prompt`), if they want that; never raises."""
        with self.recorder.lock:
            self.recorder.guard("a prompt was not kept", self.recorder.keep_prompt, text, self._by)

    aprompt = in_thread(prompt)

    def watch(self, *, tool: str | None = None, call_id: str | None = None, paths: Paths | None = None, model: str | None = None) -> Watch:
        """Return a watch, for `with` and `async with`, that records what changes in it (`byline.flow.watching`).

        `paths` are the files and folders that may change; without it the whole work tree around the root is looked at. `model` is the
        one that asked for this call, where it is not the session's.
        """
        places = None if paths is None else [self.root / path for path in each_path(paths)]
        return Watch(self.recorder, self._by, self._call(call_id, tool, model), root=self.root, paths=places)

    @property
    def tool(self) -> ToolDecorator:
        """A decorator: each call of the function is watched (`byline.flow.tools`)."""
        return ToolDecorator(lambda: self)

    # What became of it

    @property
    def incomplete(self) -> bool:
        """Whether something was not recorded; `byline status` has what and why."""
        return self.recorder.incomplete

    @property
    def records(self) -> tuple[Edit, ...]:
        """The edits of this session that are in the journals, from all its processes, in order; watches are settled first."""
        return tuple(self.recorder.guard("the journal was not read", self.recorder.find_edits) or ())

    @property
    def backlog(self) -> int:
        """How much of what was recorded waits here: payloads that nobody settled, and statements that no ledger has yet.

        It falls when commits are attested and delivered; nothing in a session waits for that.
        """
        return self.recorder.guard("the backlog was not counted", self.recorder.count_waiting) or 0

    def _call(self, call_id: str | None, tool: str | None, model: str | None = None) -> Call:
        around = call_of(self.recorder) or Call()
        told = {"id": call_id, "tool": tool, "model": model}
        return replace(around, **{name: value for name, value in told.items() if value is not None})

    def _permit(self, call: Call, *paths: StrPath, command: str | None = None, cwd: StrPath | None = None) -> None:
        try:
            self.recorder.permit(paths, by=self._by, call=call, command=command, cwd=cwd)
        except RefusedError as refused:
            if refused.effect != "ask" or self.on_ask is None or self.on_ask(refused) is not True:
                raise

    def _at(self, path: StrPath) -> Path:
        return Path(os.path.abspath(self.root / path))  # noqa: PTH100 - a link is the thing itself

    def _resolve(self, path: StrPath) -> Path:
        return Path(os.path.realpath(self.root / path))

    def _runs(self, patch: FilePatch) -> bool:
        """Whether what `patch` leaves is a program: as it says, or as what it moves is one."""
        return patch.mode == "100755" if patch.mode else os.access(self._resolve(patch.old or ""), os.X_OK)

    def _replace(self, file: Path, before: bytes | None, after: bytes, call: Call) -> None:
        replace_file(file, after)
        self._record(file, before, after, call)

    def _record(self, file: Path, before: bytes | None, after: bytes | None, call: Call, *, follow: bool = True) -> Edit | None:
        return self.recorder.record(file, (before, after), by=self._by, call=call, follow=follow)
