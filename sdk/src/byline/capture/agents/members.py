# SPDX-License-Identifier: Apache-2.0
"""Reading a payload: JSON that an agent wrote, of which an adapter needs a few members and ignores the rest.

    payload = parse_members(b'{"cwd": "/repo", "tool_input": {"file_path": "a.py"}}')
    path_in(object_in(payload, "tool_input"), "file_path", payload)      # -> "/repo/a.py"

What is missing or of another type raises `PayloadError`, which puts the payload aside; what may be missing has a reader that
returns None. Texts that go into records as they are come through `word_in`: no control characters, at most 512 characters.
"""

from __future__ import annotations

import os

from byline.capture.agents import clean
from byline.core.plain_json import json_value
from byline.malformed import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Final, TypeVar

    T = TypeVar("T")

_PATCHES: Final = ("command", "input", "patch", "patchText")  # what agents call the patch that their tool is to apply


def parse_members(data: bytes) -> dict[str, Any]:
    """Return the object that `data` holds.

    Raises:
        PayloadError: It is not JSON, or no object.
    """
    try:
        payload = json_value(data)  # Windsurf lets line ends stand in a string
    except (ValueError, RecursionError) as error:
        raise PayloadError("not JSON" if data.strip() else "empty, where an object of JSON should be") from error
    if not isinstance(payload, dict):
        raise PayloadError("not an object")
    return payload


def parser(read: Callable[[dict[str, Any]], T]) -> Callable[[bytes, Mapping[str, str]], T]:
    """Return the `parse_payload` or `parse_attempt` that reads the members with `read`: of an agent whose environment tells nothing.

    It raises `PayloadError` for what is not an object of JSON, and what `read` raises.
    """

    def parse(data: bytes, environ: Mapping[str, str]) -> T:  # noqa: ARG001 - it tells nothing
        return read(parse_members(data))

    return parse


def object_in(source: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the object `name` of `source`.

    Raises:
        PayloadError: It is none.
    """
    value = source.get(name)
    if not isinstance(value, dict):
        raise PayloadError(f"{name} is not an object")
    return value


def string_in(source: Mapping[str, Any], name: str) -> str:
    """Return the string `name` of `source`.

    Raises:
        PayloadError: It is none.
    """
    value = source.get(name)
    if not isinstance(value, str):
        raise PayloadError(f"{name} is missing")
    return value


def optional_in(source: Mapping[str, Any], name: str) -> str | None:
    """Return the string `name` of `source`, None where it is missing or null.

    Raises:
        PayloadError: It is something else.
    """
    return string_in(source, name) if source.get(name) is not None else None


def word_in(source: Mapping[str, Any], name: str) -> str | None:
    """Return the string `name` of `source` as a record may hold it, None where it is missing, null or empty.

    Raises:
        PayloadError: It is something else.
    """
    value = optional_in(source, name)
    return clean(value) or None if value is not None else None


def text_in(source: Mapping[str, Any], name: str) -> str | None:
    """Return the string `name` of `source`; None where it is anything else: the agent does not tell."""
    value = source.get(name)
    return value if isinstance(value, str) else None


def members_in(source: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the object `name` of `source`; an empty one where it is anything else: the agent does not tell."""
    value = source.get(name)
    return value if isinstance(value, dict) else {}


def path_in(source: Mapping[str, Any], name: str, payload: Mapping[str, Any]) -> str:
    """Return the path `name` of `source`, from the folder `cwd` of `payload`.

    Raises:
        PayloadError: It is missing, not absolute, or no file can have it.
    """
    return absolute_path(string_in(source, name), payload)


def paths_in(source: Mapping[str, Any], names: Iterable[str], payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths that `source` has under `names`, those that are there, from the folder `cwd` of `payload`.

    Raises:
        PayloadError: One of them is no path.
    """
    return tuple(path_in(source, name, payload) for name in names if source.get(name) is not None)


def patched_in(source: Mapping[str, Any], payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths that the patch in `source` names, from the folder `cwd` of `payload`; none where it holds none.

    Raises:
        PayloadError: One of them is no path.
    """
    from byline.core.patch_names import patched_paths  # an agent waits, and few calls are patches

    patch = next(filter(None, (text_in(source, name) for name in _PATCHES)), "")
    return tuple(absolute_path(path, payload) for path in patched_paths(patch))


def is_plain_name(text: str | None) -> bool:
    """Whether `text` is 1 to 99 letters, digits, `-` and `_` of ASCII: what can stand in the name of a file."""
    return text is not None and 0 < len(text) < 100 and text.isascii() and ("a" + text.replace("-", "").replace("_", "")).isalnum()


def absolute_path(path: str, payload: Mapping[str, Any]) -> str:
    """Return `path`, from the folder `cwd` of `payload`.

    Raises:
        PayloadError: It is not absolute, or no file can have it.
    """
    joined = os.path.join(optional_in(payload, "cwd") or "", path)  # noqa: PTH118 - a path of the payload, as text
    try:
        encoded = os.fsencode(joined)
    except UnicodeEncodeError as error:
        raise PayloadError("a path that no file can have") from error
    if not joined.startswith("/") or b"\0" in encoded:
        raise PayloadError("a path that is not absolute")
    return joined
