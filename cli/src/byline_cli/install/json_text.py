# SPDX-License-Identifier: Apache-2.0
r"""JSON edited as text: a value comes in or goes away, and every other byte stays as its owner wrote it.

>>> text = '{"a": [1, 2]} // mine'
>>> added = insert(text, parse_text(text)["a"], 3)
>>> added
'{"a": [1, 2, 3]} // mine'
>>> remove(added, parse_text(added)["a"], 2) == text
True

Comments and commas at the end, which the settings of some agents may hold, are kept where they stand. What comes in is laid out as what
stands there: on lines of its own, indented as its neighbours, or all on one line. Of a name that an object has twice the last one counts.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from byline.core.value import dataclass
from byline.errors import MalformedError

if TYPE_CHECKING:
    from byline.core.canonical import Json

_SPACE: Final = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_SCALAR: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,:\[\]{}"/]+', re.DOTALL)
_ENDS: Final = {"{": "}", "[": "]"}
MAX_DEPTH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value at `text[start:end]`. `parts` are what an object or a list holds, a name before each value of an object, else None.

    `begin` is where a part begins that has a name: at its name.
    """

    start: int
    end: int
    parts: tuple[Node, ...] | None
    name: str | None = None
    begin: int = 0

    def __getitem__(self, name: str) -> Node:
        """Return the value `name` of an object.

        Raises:
            KeyError: There is none.
        """
        for part in reversed(self.parts or ()):
            if part.name == name:
                return part
        raise KeyError(name)


def parse_text(text: str) -> Node:
    """Return what `text` holds, comments and commas at the end let through.

    Raises:
        MalformedError: It is not JSON in this wider sense.
    """
    node = _parse(text, _skip(text, 0), 0)
    if _skip(text, node.end) != len(text):
        raise MalformedError(f"more than one value (char {node.end})")
    return node


def value_of(text: str, node: Node) -> Json:
    """Return the value of `node` of `text`."""
    if node.parts is None:
        return _scalar(text[node.start : node.end], node.start)
    if text[node.start] == "[":
        return [value_of(text, part) for part in node.parts]
    return {part.name or "": value_of(text, part) for part in node.parts}


def insert(text: str, container: Node, value: Json, name: str | None = None) -> str:
    """Return `text` with `value` as the last part of `container`, under `name` if that is an object."""
    parts = container.parts or ()
    line = _indent_at(text, parts[-1].begin if parts else container.start)
    if "\n" not in text.strip() or (parts and line is None):
        new = _format(value, name, None)
        if not parts:
            return text[: container.start + 1] + new + text[container.end - 1 :]
        return f"{text[: parts[-1].end]}, {new}{text[parts[-1].end :]}"
    end = "\r\n" if "\r\n" in text else "\n"
    unit = _unit(text)
    outer = _line_indent(text, container.start)
    inner = line if parts and line is not None else outer + unit
    new = end + inner + _format(value, name, unit).replace("\n", end + inner)
    if not parts:
        return text[: container.start + 1] + new + end + outer + text[container.end - 1 :]
    last = parts[-1].end
    comma = _skip(text, last)
    if text[comma] == ",":
        return f"{text[: comma + 1]}{new},{text[comma + 1 :]}"
    return f"{text[:last]},{new}{text[last:]}"


def remove(text: str, container: Node, index: int) -> str:
    """Return `text` without the part `index` of `container`, and without the comma that parted it from the others."""
    parts = container.parts or ()
    part = parts[index]
    before = _skip(text, parts[index - 1].end) if index else container.start
    after = _skip(text, part.end)
    if text[after] == ",":
        return text[: before + 1] + text[after + 1 :]
    if index:
        return text[:before] + text[part.end :]
    rest = text[part.end : container.end - 1]
    return text[: container.start + 1] + (rest if rest.strip() else "") + text[container.end - 1 :]


def _parse(text: str, at: int, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise MalformedError("nested too deeply")
    if text[at : at + 1] not in _ENDS:
        found = _SCALAR.match(text, at)
        if found is None:
            raise MalformedError(f"a value is missing (char {at})")
        _scalar(found[0], at)
        return Node(start=at, end=found.end(), parts=None, begin=at)
    close, named = _ENDS[text[at]], text[at] == "{"
    parts: list[Node] = []
    place = _skip(text, at + 1)
    while text[place : place + 1] != close:
        part = _parse_part(text, place, depth, named=named)
        parts.append(part)
        place = _skip(text, part.end)
        if text[place : place + 1] == ",":
            place = _skip(text, place + 1)
        elif text[place : place + 1] != close:
            raise MalformedError(f"a comma or {close} is missing (char {place})")
    return Node(start=at, end=place + 1, parts=tuple(parts), begin=at)


def _parse_part(text: str, at: int, depth: int, *, named: bool) -> Node:
    if not named:
        return _parse(text, at, depth + 1)
    key = _SCALAR.match(text, at)
    name = _scalar(key[0], at) if key else None
    colon = _skip(text, key.end()) if key else at
    if not isinstance(name, str) or text[colon : colon + 1] != ":":
        raise MalformedError(f"a name is missing (char {at})")
    value = _parse(text, _skip(text, colon + 1), depth + 1)
    return Node(start=value.start, end=value.end, parts=value.parts, name=name, begin=at)


def _scalar(text: str, at: int) -> Json:
    try:
        value: Json = json.loads(text)
    except ValueError as error:
        raise MalformedError(f"no value (char {at})") from error
    return value


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _indent_at(text: str, at: int) -> str | None:
    """Return what stands before `at` on its line, None if that is more than space."""
    before = text[text.rfind("\n", 0, at) + 1 : at]
    return None if before.strip() else before


def _line_indent(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 :]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _unit(text: str) -> str:
    """Return what one step of indentation is, two spaces where nothing tells."""
    found = re.search(r"\n([ \t]+)\S", text)
    return found[1] if found else "  "


def _format(value: Json, name: str | None, unit: str | None) -> str:
    head = "" if name is None else json.dumps(name, ensure_ascii=False) + ": "
    return head + json.dumps(value, ensure_ascii=False, indent=unit)
