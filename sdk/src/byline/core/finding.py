# SPDX-License-Identifier: Apache-2.0
"""What does not fit together: a disagreement of facts, or a hole where something should be, with a stable code.

docs/errors.md lists the codes, and of each what it does *not* prove. A finding never makes anything more permissive. One that
`tightens` makes the lines of its path nobody's own at a gate; the others are told, for what they are about is strict already, or
one more claim could take them away. One that `contradicts` says that two facts cannot both be true, the others that something is not
here.

>>> FindingCode.CARRY_FAILS.value, FindingCode.HISTORY_CUT.contradicts
('BL-FINDING-4', False)
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from byline.core.effect import path_members
from byline.core.value import dataclass

if TYPE_CHECKING:
    from byline.core.canonical import Json
    from byline.core.lines import LineRange


class FindingCode(StrEnum):
    """What was found."""

    HASH_MISMATCH = "BL-FINDING-1"
    CLAIMS_DISAGREE = "BL-FINDING-2"
    HISTORY_CUT = "BL-FINDING-3"
    CARRY_FAILS = "BL-FINDING-4"
    HUMAN_OVER_AI = "BL-FINDING-5"
    NOT_IN_TREE = "BL-FINDING-6"
    OTHER_REPOSITORY = "BL-FINDING-7"
    NO_RECORD = "BL-FINDING-8"
    CHAIN_GAP = "BL-FINDING-9"
    SESSION_GAP = "BL-FINDING-10"
    UNPROVEN_LINK = "BL-FINDING-11"

    @property
    def tightens(self) -> bool:
        """Whether a gate takes the path of such a finding for nobody's own."""
        return self in (FindingCode.HUMAN_OVER_AI, FindingCode.NOT_IN_TREE)

    @property
    def contradicts(self) -> bool:
        """Whether two facts cannot both be true; else something is not here."""
        return self not in (FindingCode.HISTORY_CUT, FindingCode.CHAIN_GAP, FindingCode.SESSION_GAP, FindingCode.UNPROVEN_LINK)


MEANING = {
    FindingCode.HASH_MISMATCH: "a claim names another text than is there; those lines are unknown",
    FindingCode.CLAIMS_DISAGREE: "two clones claim the same content differently; the stricter counts",
    FindingCode.HISTORY_CUT: "objects or statements are not here (a shallow or partial clone); what they would explain is unknown",
    FindingCode.CARRY_FAILS: "a claim carries lines from a statement that does not say so; those lines are unknown",
    FindingCode.HUMAN_OVER_AI: "a claim gives to a person lines that an earlier claim gives to an agent",
    FindingCode.NOT_IN_TREE: "a statement is about a file version that its commit does not have",
    FindingCode.OTHER_REPOSITORY: "a record or a statement is of another repository",
    FindingCode.NO_RECORD: "a commit names an agent or a bot, and no statement about it does",
    FindingCode.CHAIN_GAP: "statements of a clone are missing, or do not follow each other",
    FindingCode.SESSION_GAP: "edits of a session are missing in the journal",
    FindingCode.UNPROVEN_LINK: "a clone's statement is here, and its checks fail",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding and what it is about, as far as it is about that; `lines` are of `path` in `commit`."""

    code: FindingCode
    message: str
    commit: str | None = None
    path: bytes | None = None
    lines: LineRange | None = None
    statement: str | None = None


def finding_to_json(finding: Finding) -> dict[str, Json]:
    """Return `finding` as every `--json` has it; lines are 1-based and inclusive."""
    path: dict[str, Json] = {"path": None} if finding.path is None else path_members(finding.path)
    return {
        "code": str(finding.code),
        "message": finding.message,
        "commit": finding.commit,
        **path,
        "start": finding.lines.first if finding.lines else None,
        "end": finding.lines.last if finding.lines else None,
        "statement": finding.statement,
    }


def describe_finding(finding: Finding) -> str:
    """Return where `finding` is and what it says, in one line. Whoever shows it makes it harmless: the path may hold anything."""
    path = finding.path.decode("utf-8", "backslashreplace") if finding.path else ""
    lines = f":{finding.lines.first}-{finding.lines.last}" if finding.lines else ""
    where = " in ".join(filter(None, (path + lines, finding.commit and finding.commit[:7])))
    return f"{where}: {finding.message} ({finding.code})" if where else f"{finding.message} ({finding.code})"
