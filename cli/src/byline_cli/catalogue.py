# SPDX-License-Identifier: Apache-2.0
"""The commands of Byline, and the page that `byline` alone prints.

A command is a module of `byline_cli.commands`, loaded when it is called and not before: a person who asks for `blame` pays for
`blame`.
"""

from __future__ import annotations

COMMANDS = {
    "init": "set up this repository: hooks, your key, your agents, trust and policy",
    "status": "what is recorded here, what is pending, what was lost",
    "blame": "who wrote each line of a file, and how we know",
    "why": "how we know who wrote a line: the edit, the commits, the statements, the approvals",
    "diff": "what differs, with whose text came, whose went away and who took it",
    "log": "the commits, and whose the lines are that each of them added",
    "stats": "how many lines were added, by author, agent, model, path, week or origin",
    "show": "the signed statements about a commit, and their receipts",
    "verify": "check the evidence about a commit, or a bundle, offline",
    "attest": "sign and deliver what is pending (the hooks do it by themselves)",
    "push": "attest, send the evidence, then push your branch",
    "approve": "sign your yes to exactly the changes that you are shown",
    "gate": "decide about a change from the evidence alone: allow, deny or pending",
    "policy": "lint and explain the policy",
    "trust": "who counts: keys, people, levels",
    "delegate": "let an agent sign what it writes with a key of its own, for a while",
    "export": "say who wrote what in other tools' formats: Agent Trace, git-ai",
    "import": "take from other tools' records what an agent wrote",
    "trailers": "do commit messages say of agents what the evidence says",
    "ledger": "make, run and check a ledger of your own",
    "record": "run any command and record what it changes as an agent's",
    "lsp": "the language server, for editors",
    "forget": "remove what sessions left on this machine; what is signed stays",
    "prompt": "what agents were asked for, and the proof of it to others",
    "wrap": "run a tool server or an agent behind a proxy that records what it writes",
    "hook": "take an agent's event (agents call this, people do not)",
    "doctor": "is everything in place, and what may be claimed here",
    "demo": "tell the whole story on a scratch repository",
}

GROUPS = (
    ("start", ("init", "doctor", "demo")),
    ("read", ("status", "blame", "why", "diff", "log", "stats", "show", "verify")),
    ("record", ("attest", "push", "record", "prompt", "forget", "wrap", "hook", "lsp")),
    ("decide", ("gate", "approve", "policy", "trust", "delegate")),
    ("share", ("export", "import", "trailers")),
    ("run", ("ledger",)),
)

FIRST_STEPS = """\
First steps, in a repository:
  byline init                         hooks, your key, your agents' settings; shows everything first, and asks
  ... edit, let the agent edit, git commit as ever ...
  byline blame src/app.py             who wrote each line: a person, an agent and its model, a tool, or unknown
  byline gate --base origin/main      what would have to be approved before this branch may land"""

FOOT = """\
`byline COMMAND --help` shows a command's options and one example.
Exit codes: 0 yes, 1 a negative finding, 2 usage, 3 could not look, 4 pending (gate only), 130 interrupted."""


def show_help() -> str:
    """Return the page of `byline --help`."""
    out = ["byline records who wrote every line, signs it, logs it, and decides about changes from the evidence.", "", FIRST_STEPS, ""]
    for group, names in GROUPS:
        for number, name in enumerate(names):
            out.append(f"  {group if number == 0 else '':<8}{name:<9}{COMMANDS[name]}")
    return "\n".join([*out, "", FOOT])


def suggest(name: str) -> str:
    """Return the hint for a command that does not exist."""
    from difflib import get_close_matches

    starts = [each for each in COMMANDS if len(name) > 1 and each.startswith(name)]
    near = starts or get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
    return f"did you mean `byline {near[0]}`?" if near else "`byline` alone lists the commands"
