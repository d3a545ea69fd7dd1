# SPDX-License-Identifier: Apache-2.0
"""The story in six scenes: a team of two, an agent, a gate, and everybody who would like to be believed without evidence.

`Story` holds what the scenes share; each scene says what happens, runs the real commands, and claims what must hold after it.
"""

from __future__ import annotations

import base64
import json
import re
import time
from typing import TYPE_CHECKING, Any

from byline.core.value import dataclass
from byline_cli.demo.agent import MODEL, ClaudeCode
from byline_cli.demo.texts import DISCOUNT, FREE, GATE, GUARD, PRICES, README, SHIPPING

if TYPE_CHECKING:
    from pathlib import Path

    from byline_cli.demo.stage import Actor, Stage

FILE = "src/prices.py"
PATIENCE = 60.0


@dataclass(slots=True, kw_only=True)
class Story:
    """Who plays, and what was learned on the way."""

    stage: Stage
    root: Path
    ana: Actor
    rob: Actor
    ops: Actor
    ledger: str = ""
    blame: tuple[Any, ...] = ()

    def where(self, name: str) -> Path:
        """Return a place on the stage."""
        return self.root / name


def open_story(stage: Stage) -> Story:
    """Bring the actors on the stage."""
    root = stage.root
    for name in ("ana", "rob", "ops"):
        (root / name).mkdir()
    stage.terminal.line()
    stage.say(f"A team in {root}: ana is a senior, rob a junior who works with Claude Code, ops runs the ledger and the gate.")
    stage.say(
        "git, the ledger, the hooks and every command are real. Claude Code is played: the hooks that `byline init` installed are called"
        " with its payloads, around real writes of files."
    )
    return Story(
        stage=stage,
        root=root,
        ana=stage.actor("ana", cwd=root / "ana" / "shop"),
        rob=stage.actor("rob", cwd=root / "rob" / "shop"),
        ops=stage.actor("ops", cwd=root / "ops"),
    )


def found_team(story: Story) -> None:
    """Scene 1, first half: a ledger, a senior, a trust file, a junior's clone."""
    stage, ana, rob, ops = story.stage, story.ana, story.rob, story.ops
    stage.scene("a senior sets up the repository, a junior clones it and works with an agent")
    ops.types("git init --quiet --bare ../remote.git")
    key = ops.types("byline ledger init ledger").out.strip()
    story.ledger = ops.starts("byline ledger serve ledger --listen 127.0.0.1:0").split()[-1]
    ops.types("byline trust key", save="gate.pub")
    rob.at(story.where("rob")).types("byline trust key", save="rob.pub")
    ana.at(story.where("ana")).types("git clone --quiet ../remote.git shop", show=0)
    ana.writes(FILE, PRICES)
    ana.writes("README.md", README)
    ana.types(f"byline init --policy team --principal p-ana --ledger {story.ledger} --log-key {key} --declare-own-lines --yes", show=20)
    ana.types("byline trust add p-rob --level junior --key ../../rob/rob.pub")
    ana.types("byline trust add s-gate --kind service --use decision --key ../../ops/gate.pub")
    ana.types("git add .", show=0)
    ana.types("git commit --quiet -m 'prices, and who we trust'", show=0)
    ana.types("byline push origin main", show=4)
    rob.at(story.where("rob")).types("git clone --quiet ../remote.git shop", show=0)
    rob.types("byline init --agent claude-code --declare-own-lines --yes", show=20)
    clean = rob.quietly("git status --porcelain").out == ""
    stage.claim("in a clone, init does local things only", "git status", holds=clean)
    stage.claim(
        "the clone knows its key's owner", "byline status --json", holds=rob.json("byline status --json")["you"]["principal"] == "p-rob"
    )


def work_with_agent(story: Story) -> None:
    """Scene 1, second half: Claude Code writes, edits, deletes a guard and runs a command; the junior types; a part is committed."""
    stage, rob = story.stage, story.rob
    rob.types("git switch --quiet -c feature", show=0)
    claude = ClaudeCode(actor=rob)
    stage.say("Claude Code writes src/discount.py (Write), deletes the guard `if count < 0` (Edit) and adds a line with sed (Bash)")
    claude.write("src/discount.py", DISCOUNT)
    claude.edit(FILE, GUARD, "")
    claude.bash("""sed -i.old 's/^TAX = 0.2$/&\\nCURRENCY = "EUR"/' src/prices.py && rm src/prices.py.old""")
    rob.writes(FILE, rob.reads(FILE).replace("def with_tax", "DEBUG = True\n\n\ndef with_tax") + SHIPPING)
    stage.say("rob types the function `shipping` himself, and a line `DEBUG = True` that he does not want to commit")
    claude.edit(FILE, *FREE)
    stage.say("Claude Code changes the last line of it in part (Edit), and is about to run `terraform destroy` (Bash). Its hook says:")
    decision, why = claude.asks("cd infra && terraform destroy -auto-approve")
    claude.stops()
    stage.say(f"“{why}”")
    stage.claim("an agent is stopped before it destroys what runs", f"its hook: {decision}", holds=decision == "ask")
    stage.say("rob says no, and stages everything but DEBUG")
    patch = rob.quietly("git diff --unified=0 src/prices.py", expect=0).out
    (story.where("rob") / "part.patch").write_text(_without_debug(patch))
    rob.types("git add src/discount.py", show=0)
    rob.types("git apply --cached --unidiff-zero ../part.patch", show=0)
    rob.types("git commit --quiet -m 'discounts and shipping'", show=0)
    attested = _is_attested(rob)
    rob.types("byline status")
    stage.claim("the commit is attested, and nobody asked for it", "byline status --json", holds=attested)


def read_back(story: Story) -> None:
    """Scene 2: blame, show, and verify with the ledger stopped."""
    stage, rob = story.stage, story.rob
    stage.scene("who wrote each line, what was signed, and a check without the ledger")
    stage.say("origin and evidence of each line; ✓: a signed statement says so, and it verifies")
    rob.types(f"byline blame HEAD {FILE}", show=30)
    rob.types("byline blame HEAD src/discount.py", show=4)
    story.blame = owners(rob, "HEAD", FILE)
    whole = owners(rob, "HEAD", "src/discount.py")
    stage.claim(
        "Claude's file is Claude's, with its model",
        "byline blame --json: ai observed",
        holds={(each["origin"], each["evidence"], each["agent"], each["model"]) for each in whole}
        == {("ai", "observed", "claude-code", MODEL)},
    )
    lines = rob.quietly(f"git show HEAD:{FILE}").out.split("\n")
    by = {line: owner for line, owner in zip(lines, story.blame, strict=False) if line.strip()}
    typed = [by[line] for line in ("def shipping(price):", "    free_from = 50")]
    stage.claim("rob's lines are rob's", "human declared p-rob", holds=all(_is_declared(each, "p-rob") for each in typed))
    stage.claim("ana's lines stay ana's", "human declared p-ana", holds=_is_declared(by["def total(price, count):"], "p-ana"))
    stage.claim("the line of a shell command is Claude's", "ai, claude-code", holds=_is_claude(by['CURRENCY = "EUR"']))
    stage.claim("a line of rob's that Claude changed is not his", "ai or mixed, claude-code", holds=_is_claude(by[FREE[1]]))
    rob.types("byline show HEAD", show=12)
    shown = rob.json("byline show --json HEAD")["statements"]
    stage.claim("one signed statement, with a receipt", "byline show --json", holds=len(shown) == 1 and shown[0]["receipt"] is not None)
    gone = [each for claim in shown[0]["claims"] for each in claim["removed"] if _is_claude(each["hand"])]
    stage.claim("the deleted guard has a hand: Claude's", "byline show --json", holds=bool(gone))
    stage.say("ops stops the ledger")
    stage.close()
    rob.types("byline verify HEAD", show=3)
    story.ledger = story.ops.starts(f"byline ledger serve ledger --listen {story.ledger.rpartition('/')[2]}").split()[-1]
    stage.claim("it verifies offline", "byline verify, no ledger", holds=True)


def amend(story: Story) -> None:
    """Scene 3: the commit is amended, the lines keep their owners."""
    stage, rob = story.stage, story.rob
    stage.scene("the commit is amended")
    before = rob.quietly("git rev-parse HEAD").out
    rob.types("git commit --quiet --amend -m 'Discounts, shipping, and rounded prices'", show=0)
    rob.types("byline push origin feature", show=3)
    same = rob.quietly("git rev-parse HEAD").out != before and owners(rob, "HEAD", FILE) == story.blame
    stage.claim("blame still knows every line", "same owners, new id", holds=same)


def judge(story: Story) -> None:
    """Scene 4: the gate says pending and why; a senior approves; the gate says allow and its decision is logged."""
    stage, ana, ops = story.stage, story.ana, story.ops
    stage.scene("the gate: pending, a senior's approval, allow")
    trust = ana.quietly("byline trust list", expect=0).out
    anchor = {"repository": trust.split()[1].rstrip(","), "trust": trust.split("\n")[1].strip(), "ledger": story.ledger}
    stage.say("ops pins the trust file of `main` in a file outside the repository; no change can reach it")
    (story.where("ops") / "gate.toml").write_text(GATE.format(**anchor, key=ops.home / ".config/byline/key.pem"))
    (story.where("ops") / "git-only.toml").write_text(
        _without(GATE.format(**anchor, key=""), ("ledger", "key")).replace("state.json", "other.json")
    )
    ops.types("cat gate.toml")
    gate = ops.at(story.where("remote.git"))
    gate.types("byline gate --anchor ../ops/gate.toml --head feature", expect=4, show=30)
    reasons = gate.json("byline gate --base main --head feature --json", expect=4)["reasons"]
    places = {(each["path"], each["side"]) for each in reasons}
    stage.claim(
        "pending names files and lines, both sides",
        "exit 4, and gate --json",
        holds={(FILE, "added"), (FILE, "removed")} <= places,
    )
    stage.claim("a junior's declared lines wait too", "gate --json", holds=_covers(story, reasons))
    stage.claim("it asks for one senior", "gate --json", holds={each["needs"]["level_at_least"] for each in reasons} == {"senior"})
    ana.types("git fetch --quiet", show=0)
    ana.types("byline approve --head origin/feature --target main --yes", show=8, last=3)
    allowed = gate.types("byline gate --anchor ../ops/gate.toml --head feature", show=12)
    stage.claim("approved by a senior: allow", "exit 0", holds=allowed.out.startswith("allow"))
    entry = re.search(r"logged as entry (\d+)", allowed.out)
    shown = gate.json("byline show --json feature")["statements"]
    logged = [str(each["receipt"]["index"]) for each in shown if each["receipt"] and _predicate(each["bundle"]).get("verdict") == "allow"]
    stage.claim("the decision is signed and logged", "byline show --json", holds=entry is not None and [entry[1]] == logged)


def owners(actor: Actor, rev: str, path: str) -> tuple[Any, ...]:
    """Return the owner of each line: what `byline blame --json` says, without commit and statement."""
    out: list[dict[str, Any]] = []
    for each in actor.json(f"byline blame --json {rev} {path}", expect=0)["ranges"]:
        owner = {name: each[name] for name in ("origin", "evidence", "agent", "model", "session", "person", "earlier", "verified")}
        out += [owner] * (each["end"] - each["start"] + 1)
    return tuple(out)


def _is_attested(actor: Actor) -> bool:
    """Return whether the hooks' attester signs what is committed and hands it to the ledger, in the time that a slow machine needs."""
    last = time.monotonic() + PATIENCE
    while time.monotonic() < last:
        status = actor.json("byline status --json", expect=0)
        if not status["unattested"] and not status["outbox"]:
            return True
        time.sleep(0.1)
    return False


def _is_declared(owner: dict[str, Any], person: str) -> bool:
    return (owner["origin"], owner["evidence"], owner["person"]) == ("human", "declared", person)


def _is_claude(owner: dict[str, Any]) -> bool:
    return owner["origin"] in {"ai", "mixed"} and owner["agent"] == "claude-code"


def _covers(story: Story, reasons: list[dict[str, Any]]) -> bool:
    lines = story.rob.quietly(f"git show HEAD:{FILE}").out.split("\n")
    number = lines.index("def shipping(price):") + 1
    return any(each["path"] == FILE and each["side"] == "added" and each["start"] <= number <= each["end"] for each in reasons)


def _without_debug(patch: str) -> str:
    head, *hunks = patch.split("\n@@ ")
    return "\n@@ ".join([head, *(hunk for hunk in hunks if "DEBUG" not in hunk)]).rstrip("\n") + "\n"


def _without(text: str, names: tuple[str, ...]) -> str:
    return "".join(f"{line}\n" for line in text.splitlines() if not line.startswith(names))


def _predicate(bundle: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))["predicate"]
    return value


def forge(bundle: dict[str, Any]) -> str:
    """Return a bundle whose claims say `human` where they said `ai`, with the signature of the true one."""
    payload = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    for owner in payload["predicate"]["owners"]:
        owner.update(origin="human", evidence="declared", channel="declaration", agent=None, session=None)
    text = json.dumps(payload, separators=(",", ":"), sort_keys=True).encode()
    envelope = {**bundle["dsseEnvelope"], "payload": base64.b64encode(text).decode()}
    return json.dumps({**bundle, "dsseEnvelope": envelope})
