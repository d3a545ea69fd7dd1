# SPDX-License-Identifier: Apache-2.0
"""Print docs/agents.md: what every adapter says of its agent. `make docs` writes it, and a test holds it equal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from byline.capture.agents.catalogue import AGENTS, find_adapter
from byline_cli.install.agents import setups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline.capture.agents import Adapter
    from byline_cli.install.agents import Setup

HEAD = """\
# Agents

What Byline records of each agent, and how. `byline init` finds the agents that are on the machine or that a repository is configured
for, shows what it would write, and writes it: entries of ours among what is there, taken out again byte for byte by `--undo`. `--agent
NAME` chooses, `--user` sets up all repositories at once. `byline doctor` says of each one whether it is set up, whether it calls what it
was told to call, and when it was heard last.

An agent waits for its hooks, so they only secure what would be lost: the payload that the agent hands them, and where that does not hold
the texts, a *scan* of the work tree before and after the call: git names what is dirty or untracked, and the bytes are kept. What changed
between the two scans is the agent's. Everything else happens later. A hook never stops an agent, prints nothing, and leaves a record of
what it could not take: `byline status` shows it.

*Tested* names the version whose payloads were seen; where it says "schema" they were built from the documentation, field by field.
Agents that call no program, and those that are not here yet: [below](#any-other-agent)."""

TAIL = """\
Several agents read each other's settings: Copilot, Cursor and Continue call Claude Code's hooks. A payload goes to the adapter of the
agent that sent it, and what two hooks tell is recorded once.

What every agent has in common: an edit that is denied or fails leaves no record. A change that two agents' windows both saw is either's,
and said so. What a person types while a command of an agent runs counts as the agent's: hooks cannot tell hands apart, and Byline errs on
the strict side.

## Any other agent

`byline record --agent NAME [--model NAME] -- CMD` runs any command between two scans of the work tree and its submodules. What changed
is the agent's, and so are the commits that the command makes; an agent with hooks of its own, another `record` and a program with the
SDK have what they saw for themselves. The command keeps its terminal, its signals and its exit code. What it leaves in the background is
waited for, ten seconds (`--linger`) where there is Linux; what still runs then is a loss that `byline status` shows. What you type
meanwhile is the agent's, too: wrap one task, not a day. Killed with `kill -9`, `record` has no second scan, and nothing is the agent's.
The same holds for an agent that is killed while a command of its runs: what the command had written by then is nobody's, and where you
declare your own lines (`--declare-own-lines`) the next commit declares it yours.

aider has no hooks. `byline record --agent aider --model MODEL -- aider ...` sees all that it writes. Without that, what it commits is
known by the trailer that it writes (`Co-authored-by: aider (MODEL)`, on by default), where Byline's git hooks are: new text of such a
commit of which nobody knows better is aider's, `declared`. What you had not committed is committed by aider first, without that trailer,
and stays unknown; what aider leaves uncommitted (`--no-auto-commits`) is not seen at all, so `record` it. A commit whose author or
trailers name another agent is never declared to be a person's.

An agent or a script that knows its edits tells them: `byline hook generic` ([formats](formats.md)), or `byline.session`
([sdk](sdk.md)). One that speaks to git-ai (`git-ai checkpoint agent-v1 --hook-input stdin`) gives the same object to
`byline hook agent-v1`. What it calls `human` is said before each edit of an agent; it settles what stood there as nobody's, for no agent
can say that a person wrote something.

Goose, Crush and Junie have no adapter yet: `record` them, or put `byline wrap acp -- AGENT` between them and an editor that speaks ACP.
Goose (hooks of its plugins) and Crush (`PreToolUse`, since some versions more) have hooks that a script of yours can give to
`byline hook generic`.

## Containers, cloud workspaces, other accounts

Until a commit is attested, what was recorded is in two places only: the inbox in the home folder of who ran the agent
(`~/.local/state/byline`), and the journal in the clone's git folder. A workspace that is thrown away takes both along. So let its last
step, after the commit, be `byline attest --wait && byline push origin BRANCH`,
after `byline init --yes` was its first. The statements travel in `refs/byline/evidence`, and need neither the workspace nor its key file:
`blame` anywhere says whose the lines are. Trust knows a workspace's key where `trust add` or `byline delegate` named it; without that the
lines are shown as `unverified`, and a gate takes them for what they say as far as that is stricter. What was not committed is lost.
A repository that is mounted into a container keeps its journal; the inbox is in the container's home folder, so that `byline status` is
to be called in the container before it goes. Another account's agent has an inbox of its own: `byline status`, called by that account,
settles it."""


def page() -> str:
    """Make the page."""
    rows = [("Agent", "`--agent`", "Set up in", "What is exact", "What is lost", "Tested"), ("---",) * 6]
    rows += [_row(find_adapter(name), setups().get(find_adapter(name).shares or name)) for name in AGENTS]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{HEAD}\n\n{table}\n\n{TAIL}\n"


def _row(adapter: Adapter, setup: Setup | None) -> tuple[str, ...]:
    return (adapter.title, f"`{adapter.name}`", ", ".join(_places(setup)), adapter.exact, adapter.lost, adapter.tested or "schema")


def _places(setup: Setup | None) -> Iterator[str]:
    if setup and setup.project:
        yield f"`{setup.project}`"
    if setup and setup.user:
        yield f"`~/{setup.home}/{setup.user}`"


if __name__ == "__main__":
    sys.stdout.write(page())
