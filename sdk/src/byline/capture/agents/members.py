# SPDX-License-Identifier: Apache-2.0
"""Reading a payload: JSON that an agent wrote, of which an adapter needs a few members and ignores the rest.

    payload = parse_members(b'{"cwd": "/repo", "tool_input": {"file_path": "a.py"}}')
    path_in(object_in(payload, "tool_input"), "file_path", payload)      # -> "/repo/a.py"

What is missing or of another type raises `PayloadError`, which puts the payload aside; what may be missing has a reader that
returns None. Texts that go into records as they are come through `word_in`: no control characters, at most 512 characters.
"""

from __future__ import annotations

import json
import os

from byline.capture.agents import clean
from byline.errors import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any


def parse_members(data: bytes) -> dict[str, Any]:
    """Return the object that `data` holds.

    Raises:
        PayloadError: It is not JSON, or no object.
    """
    try:
        payload = json.loads(data, strict=False)  # Windsurf lets line ends stand in a string
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"not JSON: {type(error).__name__}") from error
    if not isinstance(payload, dict):
        raise PayloadError("not an object")
    return payload


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
