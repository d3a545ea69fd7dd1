# SPDX-License-Identifier: Apache-2.0
"""What a check of a log found."""

from __future__ import annotations

from byline.core.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`where` it is (a part of the log, an entry, a byte of a tile) and `what` is wrong there."""

    where: str
    what: str
