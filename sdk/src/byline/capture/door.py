# SPDX-License-Identifier: Apache-2.0
"""The reference door: `byline hook AGENT` takes an agent's payload on any platform, by hand and in tests.

For an agent with an adapter it does what the installed shell does (spool, with a scan where a command may change any file) and settles
at once: the same journal. `generic` is the intake of `capture.agents.generic`: its edits are recorded here and now, from the bytes on
disk; `agent-v1` is the same for agents that speak to git-ai (`capture.agents.agent_v1`). A line that says `human` is kept as `declared`,
channel `generic`, which no gate credits; from a process whose environment names an agent it is a finding, too.

This is the one place that catches everything: an agent is never broken by its hook. What could not be taken is a loss.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from byline.capture.agents import SPOOLED_VARIABLES, Kind, acts_for, names_agent
from byline.capture.agents.agent_v1 import parse_agent_v1
from byline.capture.agents.catalogue import find_adapter
from byline.capture.agents.generic import Intake, parse_intake
from byline.capture.ask_git import ignored_paths, open_worktree
from byline.capture.clock import now_ns
from byline.capture.disk import read_link_or_file
from byline.capture.inbox import put_payload
from byline.capture.losses import Loss, LossCode, record_loss
from byline.capture.places import inbox_dir
from byline.capture.scans import scan_worktree, with_submodules
from byline.capture.scribe import Occasion, Scribe
from byline.capture.settle import settle_inbox
from byline.capture.snapshot import find_caller, find_orphans
from byline.capture.texts import find_bytes
from byline.capture.worktree import Routed, WorkTree, clone_id, find_worktree, route
from byline.core.attribution import Channel, Evidence, Person
from byline.core.edit import UNSEEN
from byline.errors import MalformedError, PayloadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from byline.core.edit import Edit

INTAKES: Final = {"generic": parse_intake, "agent-v1": parse_agent_v1}


def take_hook(agent: str, payload: bytes, *, environ: Mapping[str, str], cwd: Path | None = None, settles: bool = True) -> None:
    """Take what `agent` says to its hook, which runs in `cwd` with `environ`; never raises.

    Where it does not settle, it only spools, as the installed shell does: an agent may write its transcript after its hooks return.
    """
    inbox = inbox_dir(environ)
    try:
        if agent in INTAKES:
            _take_intakes(inbox, INTAKES[agent](payload), environ)
        else:
            _take_agent(inbox, agent, payload, environ, cwd or Path.cwd())
            if settles:
                settle_inbox(inbox)
    except MalformedError as error:
        _lose(inbox, LossCode.MALFORMED, f"{agent}: {error}")
    except Exception as error:  # noqa: BLE001 - the door of a hook: an agent is never broken by it
        _lose(inbox, LossCode.FAILED, f"{agent}: {type(error).__name__}: {error}")


def _lose(folder: Path, code: LossCode, message: str) -> None:
    record_loss(folder, Loss(code=code, message=message, source="byline hook", time=now_ns()))


def _take_agent(inbox: Path, agent: str, payload: bytes, environ: Mapping[str, str], cwd: Path) -> None:
    facts, here = {name: environ.get(name, "") for name in SPOOLED_VARIABLES}, Path(os.path.realpath(cwd))
    worktrees = tuple(with_submodules(here)) if _needs_scan(agent, payload, environ) else ()
    for worktree in worktrees:
        scanned, files = scan_worktree(worktree)
        caller = find_caller(os.getppid())
        orphans = find_orphans(os.fsencode(worktree.top), caller)
        scanned |= {"process": os.fsdecode(caller), "orphans": os.fsdecode(b" ".join(orphans))}
        put_payload(inbox, agent=agent, facts=facts | scanned, files=files, payload=payload)
    if not worktrees:  # a call outside every work tree may name files inside one
        around = find_worktree(here)
        if around:
            facts |= {"top": str(around.top), "gitdir": str(around.git_dir), "clone": clone_id(around.common_dir)}
        put_payload(inbox, agent=agent, facts=facts, payload=payload)


def _needs_scan(agent: str, payload: bytes, environ: Mapping[str, str]) -> bool:
    try:
        observed = find_adapter(agent).parse_payload(payload, environ)
    except MalformedError:
        return False  # spooled as it is: settle puts it aside and says why
    return observed.kind in (Kind.OPENS, Kind.CLOSES, Kind.STOPS)


def _take_intakes(inbox: Path, intakes: Iterable[Intake], environ: Mapping[str, str]) -> None:
    scribe = Scribe(inbox)
    for number, intake in enumerate(intakes):
        occasion = _occasion(intake, number, acts_for(environ))
        worktrees: set[WorkTree] = set()
        texts = {route(path): text for path, text in intake.texts}
        for routed in _named_files(intake) if intake.paths is not None else _changed_files(intake, scribe):
            worktrees.add(routed.worktree)
            last = _last(scribe, routed)
            disk = read_link_or_file(routed.worktree.file(routed.path))
            told = find_bytes(texts[routed], disk=disk) if routed in texts else None
            after = scribe.keep(routed.worktree, disk if told is None else told, occasion, routed.path)
            if last is None or last.after != after:
                scribe.write(routed.worktree, routed.path, (UNSEEN if last is None else last.after, after), occasion)
        if isinstance(intake.by, Person) and names_agent(environ):
            for worktree in worktrees:
                scribe.lose(LossCode.CLAIMED_HUMAN, "a process that an agent started said: human", occasion, worktree)


def _named_files(intake: Intake) -> list[Routed]:
    named: dict[WorkTree, list[Routed]] = {}
    for path in intake.paths or ():
        routed = route(path)
        if routed is not None:
            named.setdefault(routed.worktree, []).append(routed)
    files = []
    for worktree, inside in named.items():
        ignored = ignored_paths(worktree, tuple(routed.path for routed in inside))
        files += [routed for routed in inside if routed.path not in ignored]
    return files


def _changed_files(intake: Intake, scribe: Scribe) -> list[Routed]:
    """Return what is changed or untracked in the work tree, and what was so when somebody looked last: it may be restored by now."""
    worktree = find_worktree(Path(os.path.realpath(intake.cwd)))
    if worktree is None:
        raise PayloadError("cwd is not inside a work tree")
    with open_worktree(worktree) as repository:
        paths = set(repository.status_paths())
    paths |= scribe.sightings(worktree)
    return [Routed(worktree=worktree, path=path) for path in sorted(paths)]


def _last(scribe: Scribe, routed: Routed) -> Edit | None:
    return max(scribe.recent(routed.worktree, routed.path), key=lambda edit: (edit.time, edit.name), default=None)


def _occasion(intake: Intake, number: int, on_behalf_of: str | None) -> Occasion:
    return Occasion(
        by=intake.by if intake.after else None,
        session=intake.session,
        call=intake.call,
        time=now_ns(),
        name=f"edit.generic.{os.getpid()}.{number:06d}",
        channel=Channel.GENERIC,
        evidence=Evidence.DECLARED if isinstance(intake.by, Person) else Evidence.OBSERVED,
        on_behalf_of=None if isinstance(intake.by, Person) else intake.on_behalf_of or on_behalf_of,
    )
