# SPDX-License-Identifier: Apache-2.0
"""`byline policy`: is the policy right, and what does it say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.policy import Policy, parse_policy
from byline.core.trust import Trust, parse_trust
from byline.errors import ConfigError, MalformedError
from byline_cli import rehearsal
from byline_cli.identity import POLICY, TRUST, read_file
from byline_cli.terminal import COLUMNS, count
from byline_cli.wiring import open_here
from byline_cli.world import NO, YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
The policy file `.byline/policy.toml` says what a gate asks of a change, and what agents may not do. `lint` and `explain` read the work
tree; a gate reads the base of the change that it judges, never the change's own.

  lint      errors make a gate deny; notes are what you should know
  explain   the policy in plain words, with what is promised under it
  test      may an agent write this file, or run this command: yes (0) or no (1), and by which rule. The rules are those that count now
            for an agent at work here, as others see them; --policy FILE tries a draft"""
EXAMPLE = rehearsal.EXAMPLE


def configure(parser: Parser) -> None:
    """Add the arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="lint|explain|test")
    verbs.add_parser("lint", help="is it right")
    verbs.add_parser("explain", help="what does it say")
    rehearsal.configure(verbs.add_parser("test", help="what does it say of a file or a command of an agent"))


def run(options: Namespace, world: World) -> int:
    """Run one of the verbs."""
    try:
        if options.verb == "test":
            return rehearsal.run(options, world)
        policy, trust = _read(world)
    except MalformedError as error:
        world.terminal.line(f"error: {error}")
        return NO
    if options.verb == "explain":
        from textwrap import wrap

        from byline.decide.explain import explain_policy

        for paragraph in explain_policy(policy):
            for number, line in enumerate(wrap(paragraph, COLUMNS - 2, break_long_words=False)):
                world.terminal.line("" if number == 0 else "  ", line)
        return YES
    from byline.decide.lint import lint_policy

    remarks = lint_policy(policy, trust)
    for each in remarks:
        rule = f"rule {each.rule}: " if each.rule else ""
        world.terminal.line(f"{'error' if each.is_error else 'note'}: {rule}{each.message} ({each.code})")
    wrong = any(each.is_error for each in remarks)
    if not wrong:
        world.terminal.line(f"policy version {policy.version}: {count(len(policy.rules), 'rule')}, no errors")
    return NO if wrong else YES


def _read(world: World) -> tuple[Policy, Trust]:
    repo = open_here(world)
    policy, trust = read_file(repo, POLICY), read_file(repo, TRUST)
    if policy is None or trust is None:
        missing = POLICY if policy is None else TRUST
        raise ConfigError(f"this repository has no {missing.decode()}", hint="byline init writes it")
    return parse_policy(policy), parse_trust(trust)
