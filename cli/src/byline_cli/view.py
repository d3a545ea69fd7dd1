# SPDX-License-Identifier: Apache-2.0
"""How owners, evidence and lines look to a person.

    ai observed     ✓  claude-code · claude-sonnet-4-5  1f2e3d4  12 │ def total(prices):

Origin and evidence are words; the mark says what the signature is worth to this reader: `✓` proven under the trust that is
here, `?` signed by a key that this trust does not know, `·` not signed (yet). Blank lines and lines of brackets alone are drawn
with the line above them, so that a block looks like one block; JSON has their true owner.

>>> describe_owner({"origin": "ai", "agent": "claude-code", "model": "m-1", "person": "p-rob", "earlier": None})
'claude-code · m-1'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from byline.core.lines import has_word
from byline.flow.left import describe_left
from byline_cli.terminal import Paint, fit, harmless, show_lines, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from byline.core.finding import FindingCode
    from byline.flow.left import Left
    from byline.git.repository import Repository
    from byline_cli.terminal import Terminal
    from byline_cli.world import World

COLOURS = {"human": "green", "ai": "magenta", "mixed": "yellow", "tool": "cyan", "imported": "blue", "unknown": "red"}
WHO_COLUMNS = 36


def describe_owner(facts: dict[str, Any]) -> str:
    """Return who an owner (as in `byline.blame/1`) is, in a few words."""
    earlier = facts.get("earlier")
    if facts["origin"] == "unknown":
        return "nobody recorded it"
    if facts["origin"] == "human":
        name = facts["person"] or "a person"
    else:
        writer = facts["person"] if facts["origin"] == "mixed" else None  # a person changed an agent's line
        name = facts["agent"] or facts.get("tool") or writer or facts["origin"]
        if facts["model"]:
            name += f" · {facts['model']}"
    return f"{name} over {_short(earlier)}" if earlier else str(name)


def describe_evidence(facts: dict[str, Any]) -> str:
    """Return origin and evidence as words: `ai observed`, `unknown`."""
    return "unknown" if facts["origin"] == "unknown" else f"{facts['origin']} {facts['evidence']}"


def mark(facts: dict[str, Any]) -> str:
    """Return the sign for what the signature is worth here."""
    return "✓" if facts["verified"] else "?" if facts["statement"] else "·"


def blame_rows(ranges: Sequence[dict[str, Any]], lines: Sequence[bytes], *, columns: int | None) -> Iterator[list[str | Paint]]:
    """Yield a row for each line of a file; `columns` cuts them."""
    said = {id(each): (describe_evidence(each), mark(each), describe_owner(each), each["origin"], each["commit"]) for each in ranges}
    different = set(said.values())
    evidence = max((width(words[0]) for words in different), default=0)
    who = min(WHO_COLUMNS, max((width(harmless(words[2])) for words in different), default=0))
    heads = {
        words: (Paint(f"{fit(words[0], evidence)} {words[1]} {fit(words[2], who)}", COLOURS[words[3]]), f" {(words[4] or '')[:7]:<7} ")
        for words in different
    }
    digits = len(str(len(lines)))
    texts = show_lines(lines)
    for number, (facts, text) in enumerate(zip(_drawn(ranges, lines), texts, strict=True), 1):
        head, commit = heads[said[id(facts)]]
        if columns is not None:
            room = max(10, columns - evidence - who - digits - 15)
            text = text if text.isascii() and len(text) <= room else fit(text, room)  # noqa: PLW2901 - the same text, cut
        yield [head, f"{commit}{number:>{digits}} │ {text}"]


def by_origin(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return pairs of origin and number added up, in the order of `COLOURS`."""
    sums = dict.fromkeys(COLOURS, 0)
    for origin, number in counts:
        sums[origin] += number
    return {origin: number for origin, number in sums.items() if number}


def count_origins(ranges: Sequence[dict[str, Any]], lines: Sequence[bytes]) -> dict[str, int]:
    """Return how many of `lines` have words, by origin."""
    return by_origin((each["origin"], sum(map(has_word, lines[each["start"] - 1 : each["end"]]))) for each in ranges)


def subject_of(message: bytes) -> str:
    """Return the first line of a commit's message."""
    return message.decode("utf-8", "replace").strip().split("\n")[0]


def tell_findings(found: Iterable[FindingCode], terminal: Terminal) -> None:
    """Say beside the answer what was found on the way to it."""
    from byline.core.finding import MEANING

    for each in sorted(found):
        terminal.note(f"note: {MEANING[each]} ({each})")


def tell_left(left: Iterable[Left], terminal: Terminal) -> None:
    """Say which commits are not signed, and why."""
    for each in left:
        terminal.line(Paint("not signed: ", "red"), describe_left(each))
        terminal.hint(f"byline attest {each.commit[:7]} signs it with your own key instead; nothing is declared then")


def short_path(path: Path, repo: Repository | None, world: World) -> str:
    """Return `path` as a person would say it: from the top of the work tree, or from home."""
    for root, sign in ((repo and repo.top, ""), (world.environ.get("HOME"), "~/")):
        if root and path.is_relative_to(root):
            return sign + str(path.relative_to(root))
    return str(path)


def _drawn(ranges: Sequence[dict[str, Any]], lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """Yield for each line the range that it is drawn with: its own if it has words, else that of the line above."""
    own = [each for each in ranges for _ in range(each["start"], each["end"] + 1)]
    last = next((facts for facts, line in zip(own, lines, strict=True) if has_word(line)), None)
    for facts, line in zip(own, lines, strict=True):
        if last is not facts and (last is None or has_word(line)):
            last = facts
        yield last or facts


def _short(facts: dict[str, Any]) -> str:
    return str(facts["agent"] or facts["person"] or facts["origin"])
