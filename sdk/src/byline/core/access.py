# SPDX-License-Identifier: Apache-2.0
r"""What agents may not do: the tables `[[agent]]` and `[[command]]` of `.byline/policy.toml`.

    [[agent]]
    agents = ["codex"]                      # names as `byline blame` shows them, globs; absent: all
    models = ["*/gpt-4*"]                   # globs over the agent's own word for its model; absent: all
    paths = ["infra/prod/**"]               # what it would write; globs as elsewhere
    commands = ["destroy-infrastructure"]   # what it would run: kinds, docs/policy.md has them; "*": every kind
    effect = "deny"                         # or "ask": a person is to say yes
    why = "..."                             # told to the agent
    [[command]]
    kind = "drop-cache"                     # a new kind, or one more command of a kind that there is
    program = "flyctl"
    arguments = ["cache", "clear"]

A rule holds for what touches one of its `paths` *or* is one of its `commands`. There is no `allow`: none relaxes another, and `deny` wins
over `ask`. An agent or a model that is not known is every agent and every model. Beside the rules, and not removable: no agent writes
what decides about agents (`PROTECTED`).

>>> rule = AgentRule(number=1, paths=("infra/**",), effect=Effect.DENY)
>>> here = Places(top="/repo", cwd=("/repo",), home=None)
>>> rule_on(Intent(agent="codex", paths=("infra/db.tf",)), (rule,), here).rule
'agent:1'
"""

from __future__ import annotations

from byline.core.choice import StrEnum
from byline.core.globs import Part, fits_word, may_match
from byline.core.shell_words import Word
from byline.core.targets import Places, Target, locate
from byline.core.value import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from typing import Final

    from byline.core.command_patterns import CommandPattern

MAX_SHOWN: Final = 200  # characters of a path
EVERY: Final = ("*",)
BUILT_IN: Final = "built-in:agents"
WRITE: Final = "write"  # what stands among kinds for a path
# What decides about agents: the policy, what git runs, and where agents are told to call Byline.
PROTECTED: Final = (
    *(".byline", ".byline/**", ".git", ".git/config", ".git/config.worktree", ".git/hooks", ".git/hooks/**", ".git/byline"),
    *(
        ".git/byline/**",
        ".git/modules/**/config",
        ".git/modules/**/hooks/**",
        ".git/commondir",
        ".git/worktrees/*/commondir",
        ".git/worktrees/*/config.worktree",
        ".git/worktrees/*/byline/**",
    ),
    *(".git/refs/remotes", ".git/refs/remotes/**", ".git/packed-refs", ".git/reftable/**", ".git/objects", ".git/objects/**"),
    *("**/.claude/settings*.json", "**/.claude", "~/.claude.json", "**/.codex", "**/.codex/config.toml", "**/.codex/hooks.json"),
    *("**/.gemini", "**/.gemini/settings.json", "**/.qwen", "**/.qwen/settings.json", "**/.cursor/hooks.json", ".github/hooks/**"),
    *("**/.windsurf/hooks.json", "~/.codeium/windsurf/hooks.json", ".clinerules/hooks/**", "**/.kiro/hooks/**", "**/.kiro/agents/**"),
    *("**/.factory/settings*.json", "**/.factory/hooks.json", "**/.continue/settings*.json", "**/opencode/plugin*/**"),
    *("**/.opencode/plugin*/**", "**/.amp/plugins/**", "**/.pi/extensions/**", "**/.pi/agent/extensions/**", "~/.copilot/hooks/**"),
    *("**/.agents/plugins/**", "**/.config/goose/settings*.json", "**/.config/goose/config.yaml"),
    *("**/.crush.json", "**/.crushrc", "~/.config/crush/**"),
    *("~/.gitconfig", "~/.config/git/config", "~/.local/share/byline/**", "~/.config/byline/**"),
)


class Effect(StrEnum):
    """What becomes of what a rule holds for, strictest first."""

    DENY = "deny"
    ASK = "ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRule:
    """One `[[agent]]` table, the `number`-th from 1."""

    number: int
    agents: tuple[str, ...] = EVERY
    models: tuple[str, ...] = EVERY
    paths: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    effect: Effect
    why: str = ""

    @property
    def id(self) -> str:
        """How reasons and decisions name it."""
        return f"agent:{self.number}"

    def is_about(self, agent: str | None, model: str | None) -> bool:
        """Whether it is about this agent with this model; None is not known, and so may be any."""
        return _is_one_of(agent, self.agents) and _is_one_of(model, self.models)

    def holds_kinds(self, kinds: Collection[str]) -> bool:
        """Whether one of the `kinds` of commands is one of its own, or cannot be told from them."""
        if not self.commands or not kinds:
            return False
        from byline.core.command_kinds import UNCLEAR

        return any("*" in self.commands or each in self.commands or each == UNCLEAR for each in kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What an agent is about to do: write `paths`, or run the shell line `command`."""

    agent: str | None
    model: str | None = None
    paths: tuple[str, ...] = ()
    command: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What is not done without a person, and by which rule. `what` are the path or the kinds that the rule holds for."""

    rule: str
    effect: Effect
    what: str
    kinds: tuple[str, ...] = ()
    why: str = ""


def rule_on(
    intent: Intent,
    rules: Sequence[AgentRule],
    places: Places,
    commands: Sequence[CommandPattern] = (),
    *,
    resolve: Callable[[str], str] = str,
) -> Ruling | None:
    """Return what `rules` say of `intent`, the strictest of them; None where they say nothing.

    `commands` are the repository's own patterns; `resolve` says where a path leads over symbolic links: that counts as well.
    """
    rulings = rulings_on(intent, rules, places, commands, resolve=resolve)
    return min(rulings, key=lambda each: [*Effect].index(each.effect), default=None)


def rulings_on(
    intent: Intent,
    rules: Sequence[AgentRule],
    places: Places,
    commands: Sequence[CommandPattern] = (),
    *,
    resolve: Callable[[str], str] = str,
) -> Iterator[Ruling]:
    """Yield all that `rules`, and what holds without any, have against `intent`; the arguments are those of `rule_on`."""
    targets = [target for path in intent.paths for target in locate(Word.of(path), places)]
    kinds: frozenset[str] = frozenset()
    if intent.command is not None:
        from byline.core.command_kinds import find_effects  # only a command needs the parser of shell lines

        effects = find_effects(intent.command, places, commands)
        targets += effects.writes
        kinds = effects.kinds
    targets += [Target(parts=(resolve(text),)) for text in [each.text for each in targets] if text and resolve(text) != text]
    for target in targets:
        if _is_protected(target, places):
            yield Ruling(rule=BUILT_IN, effect=Effect.DENY, what=show_target(target), kinds=(WRITE,), why="it decides what agents may do")
    for rule in rules:
        if not rule.is_about(intent.agent, intent.model):
            continue
        touched = next((target for target in targets if any(target.may_touch(glob, places) for glob in rule.paths)), None)
        if touched is not None:
            yield Ruling(rule=rule.id, effect=rule.effect, what=show_target(touched), kinds=(WRITE,), why=rule.why)
        if rule.holds_kinds(kinds):
            held = tuple(sorted(each for each in kinds if rule.holds_kinds((each,))))
            yield Ruling(rule=rule.id, effect=rule.effect, what=", ".join(held), kinds=held, why=rule.why)


def format_message(ruling: Ruling) -> str:
    """Return what the agent is told: what is not done, why, and to ask a person. Never how else it could be done."""
    held = {Effect.DENY: "does not let agents do this", Effect.ASK: "wants a person to say yes to this first"}[ruling.effect]
    why = f" ({ruling.why})" if ruling.why else ""
    return (
        f"Byline: the policy of this repository {held}: {ruling.what}, rule {ruling.rule}{why}. "
        "Do not look for another way. Tell the person you work for what you wanted to do and why, and let them decide."
    )


def _is_protected(target: Target, places: Places) -> bool:
    """Whether `target` is protected; what is above that, or may be anything (`build/*`, `> out/$name`), is for the rules."""
    names = [*target.names(places, or_above=False)]
    return any(_is_hinted(name, glob) and may_match(name, glob) for glob in PROTECTED for name in names)


def _is_hinted(name: Sequence[Part], glob: str) -> bool:
    """Whether what is known of `name` begins a component as one of `glob` does that has no star; so does each that is known whole."""
    if all(isinstance(each, str) for each in name):
        return True
    known = "/" + "".join(each if isinstance(each, str) else "\0" for each in name).casefold()
    named = [each for each in glob.casefold().split("/") if "*" not in each]
    return any(f"/{each[: 3 if each.startswith('.') else 5]}" in known for each in named)


def show_target(target: Target) -> str:
    """Return `target` as an agent and a person may read it: a name is no place for a speech."""
    text = "".join(each if isinstance(each, str) else "..." for each in target.parts)
    text = "".join(each for each in text if each.isprintable())
    return text if len(text) <= MAX_SHOWN else f"...{text[-MAX_SHOWN:]}"


def _is_one_of(name: str | None, globs: Sequence[str]) -> bool:
    return name is None or any(fits_word(name.casefold(), glob.casefold()) for glob in globs)
