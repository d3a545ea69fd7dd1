# SPDX-License-Identifier: Apache-2.0
"""Scene 5: everybody who would like to be believed without evidence, and a squash where no Byline runs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from byline_cli.demo.scenes import FILE, Story, forge, owners

if TYPE_CHECKING:
    from pathlib import Path

    from byline_cli.demo.stage import Actor

EVIDENCE = "refs/byline/evidence"
APPROVAL = "change-approval"


def tamper(story: Story) -> None:
    """Try to be believed without evidence, in six ways."""
    stage, rob = story.stage, story.rob
    stage.scene("tampering")
    stage.say("a claim is edited: the bundle says `human` where Claude's hook said `ai`")
    (story.where("rob") / "forged.json").write_text(forge(rob.json("byline show --json HEAD")["statements"][0]["bundle"]))
    rob.types("byline verify ../forged.json", expect=1, show=8)
    failures = rob.json("byline verify --json ../forged.json")["failures"]
    stage.claim("an edited claim is found", "BL-SIGNATURE-1", holds=[each["code"] for each in failures] == ["BL-SIGNATURE-1"])
    _remove_evidence(story)
    _change_after_approval(story)
    stage.say("rob tries to approve his own change")
    refused = rob.types("byline approve --target main --yes", expect=1, show=3)
    stage.claim("a junior cannot approve himself", "exit 1", holds="p-rob" in refused.err)


def _remove_evidence(story: Story) -> None:
    stage, ops = story.stage, story.ops
    stage.say("somebody who can write to the server removes evidence from git; this gate has no ledger to ask")
    ops.types("git clone --quiet --mirror ../remote.git copy.git", show=0)
    copy = ops.at(story.where("ops") / "copy.git")
    command = "byline gate --anchor ../git-only.toml --head feature"
    copy.types(command, show=1)
    stage.say("the approval is taken out of the evidence, with git's own plumbing")
    _remove_approvals(copy)
    copy.types(command, expect=4, show=4)
    stage.claim("an approval removed is pending again", "exit 4", holds=True)
    stage.say("the claims go, too: nothing says who wrote the change, and nobody has approved it")
    copy.types(f"git update-ref -d {EVIDENCE}", show=0)
    copy.types(command, expect=4, show=4)
    stage.claim("stripped claims help nobody: still pending", "exit 4", holds=True)
    stage.say("the same repository, judged with the ledger")
    copy.types("byline gate --anchor ../gate.toml --head feature", show=3)
    stage.claim("what the ledger has cannot be taken back", "exit 0 with the ledger", holds=True)


def _remove_approvals(actor: Actor) -> None:
    """Make the evidence ref a tree without approvals, with git's plumbing alone."""
    index = f"env GIT_INDEX_FILE={actor.cwd}/forged.index GIT_DIR={actor.cwd} GIT_WORK_TREE={actor.cwd}"
    actor.quietly(f"{index} git read-tree {EVIDENCE}", expect=0)
    for name in actor.quietly(f"git ls-tree -r --name-only {EVIDENCE}", expect=0).out.split():
        if _is_approval(actor.quietly(f"git show {EVIDENCE}:{name}", expect=0).out):
            actor.quietly(f"{index} git update-index --force-remove {name}", expect=0)
    tree = actor.quietly(f"{index} git write-tree", expect=0).out.strip()
    actor.quietly(f"git update-ref {EVIDENCE} {tree}", expect=0)


def _is_approval(text: str) -> bool:
    import base64
    import json

    return APPROVAL in base64.b64decode(json.loads(text)["dsseEnvelope"]["payload"]).decode()


def _change_after_approval(story: Story) -> None:
    stage, rob, ops = story.stage, story.rob, story.ops
    stage.say("the file is changed after it was approved")
    rob.types("git switch --quiet -c later", show=0)
    rob.writes("src/discount.py", rob.reads("src/discount.py").replace("percent / 100", "percent / 10"))
    rob.types("git commit --quiet -m 'a small fix' src/discount.py", show=0)
    rob.types("byline push origin later", show=0)
    gate = ops.at(story.where("remote.git"))
    gate.types("byline gate --anchor ../ops/gate.toml --head later", expect=4, show=6)
    stage.claim("a file changed after approval is pending", "exit 4", holds=True)
    rob.types("git switch --quiet feature", show=0)


def flip_byte(story: Story) -> None:
    """Flip one byte of a copy of the ledger."""
    stage, ops = story.stage, story.ops
    stage.say("one byte of the ledger is flipped, in a copy of its folder")
    stage.close()
    ops.types("cp -r ledger damaged", show=0)
    _flip(story.where("ops") / "damaged" / "ledger.db")
    ops.types("byline ledger fsck ledger", show=2)
    said = ops.types("byline ledger fsck damaged", expect=1, show=4)
    stage.claim("a flipped byte of the ledger is named", "byline ledger fsck", holds="entry" in said.out)


def squash(story: Story) -> None:
    """Land the branch as a server would that knows no Byline, and clone afresh."""
    stage = story.stage
    stage.say("the branch is squash-merged where no Byline runs, then cloned afresh")
    server = stage.actor("server", cwd=story.where("merge"))
    server.at(story.root).types("git clone --quiet remote.git merge", show=0)
    server.types("git merge --quiet --squash origin/feature", show=0)
    server.types("git commit --quiet -m 'Discounts (#1)'", show=0)
    server.types("git push --quiet origin main", show=0)
    eve = stage.actor("eve", cwd=story.where("eve"))
    eve.at(story.root).types("git clone --quiet remote.git eve", show=0)
    eve.types("byline init --yes", show=3)
    eve.types(f"byline blame {FILE}", show=30)
    stage.claim(
        "squash, fresh clone: blame knows every line",
        "same owners, verified",
        holds=owners(eve, "HEAD", FILE) == story.blame,
    )
    eve.types("byline verify HEAD", show=4)
    stage.claim("the squashed commit verifies by its content", "byline verify HEAD", holds=True)


def _flip(database: Path) -> None:
    data = bytearray(database.read_bytes())
    at = data.index(b'"origin":"ai"') + len(b'"origin":"')
    data[at] ^= 1
    database.write_bytes(data)


def keep_story(story: Story) -> None:
    """Leave behind what a person who plays on needs: no server that was stopped, no copies that were damaged."""
    for name in ("copy.git", "damaged"):
        shutil.rmtree(story.where("ops") / name, ignore_errors=True)
