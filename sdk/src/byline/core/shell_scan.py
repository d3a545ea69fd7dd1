# SPDX-License-Identifier: Apache-2.0
r"""Where operators, names and plain words of a shell line end: what `shell_lexer` asks of the characters alone.

    operator       one of `OPERATORS`, the longest that fits
    plain word     [^\s;&|<>()'"\\$`*?\[~]+
    name           [A-Za-z_][A-Za-z0-9_]*
    assignment     <name>(\[[^\]\s$`'"\\]*\])?\+?=
    number         ([0-9]+|\{<name>\})  before a redirection
    parameter      <name>|[0-9@*#?$!-]

An agent waits while its line is read, and to import regular expressions takes as long as the interpreter takes to start: so these are
read by hand, and a test holds them against the expressions above.

>>> find_operator("a &>>b", 2), plain_end("ab;c", 0), find_assignment("A[1]+=x", 0)
('&>>', 2, ('A', 6))
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

REDIRECTIONS: Final = ("&>>", "<<<", "<<-", "&>", "<<", "<&", "<>", ">>", ">|", ">&", "<", ">")
_CONTROLS: Final = (";;&", "&&", "||", "|&", ";;", ";&", "((", ";", "&", "|", "(", ")")
OPERATORS: Final = tuple(sorted((*REDIRECTIONS, *_CONTROLS), key=len, reverse=True))
_STARTS: Final = frozenset(each[0] for each in OPERATORS)
_NOT_PLAIN: Final = frozenset(";&|<>()'\"\\$`*?[~")
_NOT_INDEX: Final = frozenset("]$`'\"\\")
_DIGITS: Final = frozenset("0123456789")
_LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_PARAMETERS: Final = _DIGITS | frozenset("@*#?$!-")


def find_operator(text: str, at: int) -> str:
    """Return the operator that stands at `at`, empty where there is none."""
    if text[at : at + 1] not in _STARTS:
        return ""
    return next((each for each in OPERATORS if text.startswith(each, at)), "")


def plain_end(text: str, at: int) -> int:
    """Return where the plain word ends that begins at `at`."""
    while at < len(text) and text[at] not in _NOT_PLAIN and not text[at].isspace():
        at += 1
    return at


def name_end(text: str, at: int) -> int:
    """Return where the name ends that begins at `at`."""
    end = at
    while end < len(text) and (text[end] in _LETTERS or (end > at and text[end] in _DIGITS)):
        end += 1
    return end


def parameter_end(text: str, at: int) -> int:
    """Return where the parameter ends of which the `$` stands before `at`."""
    return name_end(text, at) if text[at : at + 1] not in _PARAMETERS else at + 1


def find_assignment(text: str, at: int) -> tuple[str, int] | None:
    """Return the variable to which what stands at `at` assigns, and where its value begins; None for what is no assignment."""
    end = after = name_end(text, at)
    if text.startswith("[", after):
        after += 1
        while after < len(text) and text[after] not in _NOT_INDEX and not text[after].isspace():
            after += 1
        if not text.startswith("]", after):
            return None
        after += 1
    after += text.startswith("+", after)
    return (text[at:end], after + 1) if end > at and text.startswith("=", after) else None


def number_end(text: str, at: int) -> int:
    """Return where the number ends that a redirection after it has; `at` where there is none."""
    end = at
    if text.startswith("{", at) and (after := name_end(text, at + 1)) > at + 1 and text.startswith("}", after):
        end = after + 1
    while end < len(text) and text[at] in _DIGITS and text[end] in _DIGITS:
        end += 1
    return end if text.startswith(("<", ">"), end) else at


def without_backslashes(text: str) -> str:
    r"""Return what a shell runs of `text` between backquotes: a backslash goes where it stands before `$`, a backquote or a backslash."""
    out, at = "", 0
    while (found := text.find("\\", at)) >= 0:
        following = text[found + 1 : found + 2]
        out += text[at:found] + (following if following and following in "$`\\" else "\\" + following)
        at = found + 1 + len(following)
    return out + text[at:]
