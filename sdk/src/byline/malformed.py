# SPDX-License-Identifier: Apache-2.0
"""The root of every error, and those whose fault bytes are: the branch of `byline.errors` that an agent waits for.

To make a class of errors takes as long as to read a small module, and who reads a payload or a shell line raises none of the others. All
are imported from `byline.errors`, except by what `capture.guard` imports.

>>> PayloadError("not JSON", hint="byline doctor").code
'BL-FORMAT-8'
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


class BylineError(Exception):
    """The root of all errors that Byline raises on purpose."""

    default_code: ClassVar[str] = "BL-ERROR-1"

    def __init__(self, message: str, *, code: str | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.hint = hint


class MalformedError(BylineError):
    """Bytes that are not what they claim to be."""

    default_code = "BL-FORMAT-1"


class EnvelopeError(MalformedError):
    """Not a DSSE envelope as Byline reads it, or not a bundle."""

    default_code = "BL-FORMAT-2"


class StatementError(MalformedError):
    """Not an in-toto statement with one of Byline's predicates."""

    default_code = "BL-FORMAT-3"


class EntryError(MalformedError):
    """Not a log entry of a known kind."""

    default_code = "BL-FORMAT-4"


class CheckpointError(MalformedError):
    """Not a signed note, or not a C2SP checkpoint."""

    default_code = "BL-FORMAT-5"


class PolicyError(MalformedError):
    """Not a policy that Byline accepts."""

    default_code = "BL-FORMAT-6"


class TrustError(MalformedError):
    """Not a trust file that Byline accepts."""

    default_code = "BL-FORMAT-7"


class PayloadError(MalformedError):
    """Not a payload that a named agent sends, or not a journal record."""

    default_code = "BL-FORMAT-8"


class PatchError(MalformedError, ValueError):
    """Not a patch, one that asks for what is refused, or one that does not fit."""

    default_code = "BL-FORMAT-9"


class PromptError(MalformedError):
    """Not the opening of a prompt, or not a prompt as it is kept."""

    default_code = "BL-FORMAT-10"
