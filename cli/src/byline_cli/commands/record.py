# SPDX-License-Identifier: Apache-2.0
"""`byline record`: run any command and record what it changes as an agent's."""

from __future__ import annotations

import os
import shlex
import signal
from typing import TYPE_CHECKING

from byline.capture.abandoned import STILL_RUNS
from byline.capture.losses import LossCode
from byline.core.attribution import Channel
from byline.errors import RefusedError
from byline.flow.sessions import session
from byline_cli.child import run_child
from byline_cli.world import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
For agents and generators that report nothing by themselves. The work tree around the current folder, and its submodules, are looked at
before CMD and after it, and what is changed in git or untracked by then was made by the agent, whoever typed it: what you type meanwhile
is recorded as the agent's, too. So are the commits that CMD makes. Ignored files and other repositories are not looked at. CMD has the
terminal, standard input and signals; the exit code is CMD's, 128 and the signal where one ended it. What CMD leaves running in the
background is waited for, for a while (Linux), and Ctrl-C ends that. A CMD that the rules for agents do not allow is not run: 126. A
record inside a record, and an agent with hooks or the SDK, have what they saw for themselves."""
EXAMPLE = "byline record --agent aider --model openai/gpt-4o -- aider --message 'add a test'"

LINGERS = 10.0
NOT_RUN = 126  # what shells say of a command that is there and may not be run


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.takes_paths = True  # what stands after `--` is the command
    parser.add_argument("--agent", metavar="NAME", help="whose text it is, as blame will name the agent (default: the agent around this)")
    parser.add_argument("--model", metavar="NAME", help="the model that drives it, as provider/name")
    parser.add_argument("--session", metavar="ID", help="go on with this session (default: a new one)")
    parser.add_argument("--for", dest="principal", metavar="ID", help="the principal who lets the agent act, p-... or s-...")
    linger = f"how long to wait for what CMD leaves running (default {LINGERS:g})"
    parser.add_argument("--linger", type=float, default=LINGERS, metavar="SECONDS", help=linger)
    parser.usage = "byline record --agent NAME [--model NAME] [--session ID] [--for ID] [--linger SECONDS] -- CMD ..."


def run(options: Namespace, world: World) -> int:
    """Run the command between two looks at the work tree."""
    command = options.paths
    if not command:
        raise UsageError("no command to run", EXAMPLE)
    if not 0 <= options.linger < float("inf"):
        raise UsageError(f"{options.linger:g} seconds cannot be waited")
    try:
        agent = session(
            agent=options.agent,
            model=options.model,
            session_id=options.session,
            on_behalf_of=options.principal,
            root=world.cwd,
            channel=Channel.RECORD,
        )
    except ValueError as error:
        raise UsageError(str(error), EXAMPLE) from error
    note = world.terminal.note
    try:
        agent.check(command=shlex.join(command), cwd=world.cwd)
    except RefusedError as refused:
        note(str(refused))
        return NOT_RUN
    with agent.watch(tool=os.path.basename(command[0])):  # noqa: PTH119 - a word, perhaps no path
        environ = agent.environ(world.environ)
        ended = run_child(
            command,
            environ=environ,
            cwd=world.cwd,
            patience=options.linger,
            tell=lambda: note("byline: waiting for what the command left running; Ctrl-C ends that"),
        )
        was = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C was for the command: what it left behind is looked at, by git as well
        world.closing.callback(signal.signal, signal.SIGINT, was)
    if ended.has_left:
        agent.recorder.lose(LossCode.LEFT_RUNNING, STILL_RUNS)
    if agent.incomplete:
        note("byline: not everything was recorded; byline status tells what and why")
    return ended.code
