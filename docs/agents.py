# SPDX-License-Identifier: Apache-2.0
"""Print docs/agents.md: what every adapter says of its agent. `make docs` writes it, and a test holds it equal."""

from __future__ import annotations

import sys
from textwrap import fill
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
between the two scans is the agent's; of a call that names its files, only what changed in these. Everything else happens later. Such a
hook never stops an agent, prints nothing, and leaves a record of what it could not take: `byline status` shows it. Only where
[rules for agents](policy.md#before-the-call) stand does another one answer.

*Tested* names the version whose payloads were seen; where it says "schema" they were built from the documentation, field by field.
Agents that call no program, and those that are not here yet: [below](#any-other-agent)."""

TAIL = """\
Several agents read each other's settings: Copilot, Cursor and Continue call Claude Code's hooks. A payload goes to the adapter of the
agent that sent it, and what two hooks tell is recorded once.

What every agent has in common: an edit that is denied or fails leaves no record. What a tool of an MCP server writes is the agent's, by
scans around its call; Amp, Cline, Continue, GitHub Copilot CLI, OpenCode and pi let any tool of a plugin call our hook, too, and one that
is not known to change nothing is taken to write. A change that two agents' windows both saw is either's, and said so, unless one of them
reports its text before you commit it: then it is that one's. What a person types while a command of an agent runs counts as the agent's:
hooks cannot tell hands apart, and Byline errs on the strict side. That holds for what you commit while it runs, too: what changed since
it began is not declared yours. What an agent restores without a call (`/rewind`, `/restore`, `/undo`) is whose it was when it stood there
before.

## Killed agents

An agent (or `byline record`) that is killed while a command runs says of no end. Byline finds that out the next time that it looks: at a
commit, or when you ask `byline status`. Once the agent's process is gone, and what it started in the work tree as well, everything that
changed since the command began is the agent's, and a loss says so; from then on what you type is yours. So after a crash call `byline
status` before you go on by hand. Where the system does not tell when a process began (anything but Linux), and in another container, the
command counts as running until the agent's session rests, or for a day. An edit is lost that an agent made in the instant before it was
killed, when its hook had not been called yet, where the payload and not a scan holds the text. An agent that keeps its model in a file of
its own may be killed before that is written (Copilot's is a tenth of a second behind): then its lines are its own, without a model.

## What you ask for

`byline init --commit-prompts` also lets {prompted} tell what you ask them for (`byline.commitPrompts` in git's configuration, for this work
tree; with `--user` for all). Without it there is no such hook, and nothing is kept. The prompts stay in `.git/byline`, readable by you
alone; the statement about the next commit holds of each a keyed hash, of which nobody learns anything. When you want to prove what it was,
`byline prompt reveal SESSION:NUMBER --to FILE` writes a file, and whoever has that and the repository's evidence calls
`byline prompt verify FILE`. `byline why` names the prompt before an edit, `byline forget SESSION` lets texts and keys go: then the hash is
nobody's to open any more. [What that proves](threats.md#prompts). To switch it off: `git config --unset-all byline.commitPrompts`, then
`byline init` once more. Agents that a [framework](frameworks.md) runs, and those behind `byline wrap acp`, tell it without a hook. Not
told: what is attached to a prompt (files, images), what one agent asks another, and, where no `byline wrap acp` hears it, what Crush, aider
and, on its command line (3.0.65), Cline are asked.

## What was run

The agents with a version above, and aider, are run by tests as people have them, driven by a model that says what a script says; blame
has to say the same, line by line. Of all of them: edits, failed edits, shell commands, generators, a person who types between two calls,
what our rules deny, a kill in the middle of a command, and a session that goes on with another model (Cline, Factory
Droid: not tried). Besides:

| Agent | Sub-agents | Denied by the agent itself | Its own background | MCP tools |
| --- | --- | --- | --- | --- |
| Claude Code | own session, with the parent's | exact | exact, until it rests | exact |
| Codex | none offered to a model that it does not know | exact | exact, until it rests | exact |
| GitHub Copilot CLI | own session, with the parent's | exact | exact, until it rests | exact |
| Gemini CLI | recorded in the session as a whole: its hooks do not tell them apart | exact | exact, until it rests | exact |
| OpenCode | own session, with the parent's | exact | has none | exact |
| pi | has none | asks for nothing | has none | has none |
| Cline | a session of their own, without the parent's and the model | permits everything | has none | exact |
| Qwen Code | own session, with the parent's | exact | exact, until it rests | exact |
| Factory Droid | none without its makers' service | exact; a denied command ends its run | exact, until it rests | exact |

Over the Agent Client Protocol, behind `byline wrap acp`, run Gemini CLI and OpenCode: edits, shell commands, what the person at the editor
refuses, and what our rules deny. With its hooks in place as well every change is recorded once; so it is with Claude Code (by the package
`@zed-industries/claude-agent-acp` 0.23.1), GitHub Copilot CLI and Codex (by `@agentclientprotocol/codex-acp` 2.6.0; its predecessor's
runs never ended), which both write unasked there: a command that is over when the editor hears of it only hooks tell, so trust them first.

What our rules deny, and what they ask about where nobody is who could be asked, was run with all of them, each time with a write by the
agent's own tool, one by its shell, and a command. Cline gives its task up at a "no".

A session that Claude Code, Codex, Gemini CLI or pi compacts goes on as the same; one that Claude Code forks (`--fork-session`) is another.
What a program changes of a proposal (Claude Code's `--permission-prompt-tool`) is the agent's: nothing tells that a person did it. In its
own sandbox (`workspace-write`) Codex is recorded as without, for its hooks are called outside; inside, git's folder cannot be written, so
that the agent commits nothing, and what a `byline record` there runs is Codex's.

Factory Droid is started without its makers' service (a model of one's own, `droid exec`), and goes on with no session there. Its hooks tell
of no end of a command that fails: what is typed after that counts as the agent's until it rests. Continue 1.5.47 was run, too, and calls no
hook. Cline wants its makers' login before it works in an editor, and Amp for all that it does; no package registry has the others that are
marked "schema".

Two agents that work in one tree at the same time were Claude Code and Gemini CLI.
What a command starts with `&` and leaves running (Codex ends that) is the agent's where there is Linux and it works in the tree: its
call is over when the next look of its session finds that it has ended, or when the agent rests. What still runs then is a loss that
`byline status` shows: what it writes from there on is nobody's, and where you declare your own lines the next commit declares it yours.
What is typed after a command that was denied counts as the agent's where the agent tells of no end (Claude Code, Codex): until it rests.

## What an agent waits for

In starts of a bare Python (`python -I -S -c pass`): two thirds of one for the hook after an edit whose payload holds the texts; two to two
and a half for a scan of a small repository, and for an answer under a policy that has rules for agents; a quarter of one for an answer
where there is no policy. Before a shell command it asks for both, side by side: four to five, where no processor is free. In a repository
of 50,000 files a scan takes 1.1 to 1.4 times as long as `git diff-files`, 1.4 to 1.5 times once after the index has changed, and 1.7 times
at first: then a copy of the index is made in the background, which knows which folders hold nothing new
([how](decisions/0034-a-second-index-knows-which-folders-hold-nothing-new.md)). `make bench` measures all of this. No hook runs beside the
agent's work ([why](decisions/0032-the-scan-after-a-command-is-waited-for.md)).

## Any other agent

`byline record --agent NAME [--model NAME] -- CMD` runs any command between two scans of the work tree and its submodules. What changed
is the agent's, and so are the commits that the command makes; an agent with hooks of its own, another `record` and a program with the
SDK have what they saw for themselves. The command keeps its terminal, its signals and its exit code. What it leaves in the background is
waited for, ten seconds (`--linger`) where there is Linux; what still runs then is a loss that `byline status` shows. What you type
meanwhile is the agent's, too: wrap one task, not a day.

aider has no hooks. `byline record --agent aider --model MODEL -- aider ...` sees all that it writes. Without that, what it commits is
known by the trailer that it writes (`Co-authored-by: aider (MODEL)`, on by default), where Byline's git hooks are: new text of such a
commit of which nobody knows better is aider's, `declared`. What you had not committed is committed by aider first, without that trailer,
and stays unknown; what aider leaves uncommitted (`--no-auto-commits`) is not seen at all, so `record` it. Where aider watches for
comments (`--watch-files`) let the trailer tell: what you typed, the comment included, it commits first, and that stays unknown. In a
`record` around it all that you type meanwhile is aider's. A commit whose author or trailers name another agent is never declared to be
a person's.

An agent or a script that knows its edits tells them: `byline hook generic` ([formats](formats.md)), or `byline.session`
([sdk](sdk.md)). One that speaks to git-ai (`git-ai checkpoint agent-v1 --hook-input stdin`) gives the same object to
`byline hook agent-v1`. What it calls `human` is said before each edit of an agent; it settles what stood there as nobody's, for no agent
can say that a person wrote something.

Junie's hooks tell of the start of a session, and of no call: `record` it, or put `byline wrap acp -- AGENT` between it and an editor
that speaks ACP.

## Containers, cloud workspaces, other accounts

Until a commit is attested, what was recorded is in two places only: the inbox in the home folder of who ran the agent
(`~/.local/state/byline`), and the journal in the clone's git folder. A workspace that is thrown away takes both along. So let its last
step, after the commit, be `byline attest --wait && byline push origin BRANCH`, after `byline init --yes` was its first. (A plain `git push`
sends the statements, too, from a process in the background, which ends with the workspace.) The statements travel in
`refs/byline/evidence`, and need neither the workspace nor its key file: `blame` anywhere says whose the lines are. Trust knows a
workspace's key where `trust add` or `byline delegate` named it; without that the lines are shown as `unverified`, and a gate takes them for
what they say as far as that is stricter. What was not committed is lost. What is committed in a container that has a key of its own is
signed there; outside it waits for that key, and `byline status` says so ([signing for several](policy.md#a-key-of-the-agents-own)). A
repository that is mounted into a container keeps its journal, under whatever path; the inbox is in the container's home folder, so that
`byline status` is to be called in the container before it goes. From a home folder that both share all is settled outside, too: what was
spooled names its clone, and not only a path. It waits a day until that clone is seen again, then it is a loss (`BL-LOSS-11`).

A clone may have several accounts. What Byline keeps in it is shared as git shares the clone (`core.sharedRepository`, or
`git init --shared`, before `byline init`): each account's agents are recorded there, and each commit is signed by its own account. Prompts
stay with the account that keeps them first. What root makes in somebody's clone (an agent in a container, `sudo`) belongs to who owns it.
Where git refuses to work for an account (`safe.directory`), it sees no changes for its agents' commands; the mark below tells.

An agent whose records are in another home folder than yours (a container's, another account's) leaves a mark in the clone,
`.git/byline.elsewhere`. While it is there nobody else declares their own lines: what you commit stays unknown, and `byline status` and
`byline doctor` say which agent, of which account, and since when. `byline status` over there settles what is recorded, takes the mark away,
and all is exact. Where there is nobody any more who could call it, the mark goes with the first commit after which nothing is uncommitted,
nor was stashed since (in a clone that several share: by whose it is), and no command that the agent told of still runs; a command of which
no end came counts as running for a day. A home folder that was copied, with an image of a machine, a snapshot of a container or `cp`, is
another one from then on; one that several machines share is one. A folder of marks that you may not list counts as one. No hook of an
account leaves one that has no Byline, or does not get into the git folder: then a file that belongs to another account is not declared
yours, and what it wrote into a file of yours is ([what is left](threats.md#what-nobody-can-know))."""


def page() -> str:
    """Make the page."""
    rows = [("Agent", "`--agent`", "Set up in", "What is exact", "What is lost", "Tested"), ("---",) * 6]
    rows += [_row(find_adapter(name), setups().get(find_adapter(name).shares or name)) for name in AGENTS]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    *several, last = (adapter.title for adapter in map(find_adapter, AGENTS) if adapter.prompts)
    tail = TAIL.replace("{prompted}", fill(f"{', '.join(several)} and {last}", 139, initial_indent=" " * 40)[40:])
    return f"{HEAD}\n\n{table}\n\n{tail}\n"


def _row(adapter: Adapter, setup: Setup | None) -> tuple[str, ...]:
    return (adapter.title, f"`{adapter.name}`", ", ".join(_places(setup)), adapter.exact, adapter.lost, adapter.tested or "schema")


def _places(setup: Setup | None) -> Iterator[str]:
    if setup and setup.project:
        yield f"`{setup.project}`"
    if setup and setup.user:
        yield f"`~/{setup.home}/{setup.user}`"


if __name__ == "__main__":
    sys.stdout.write(page())
