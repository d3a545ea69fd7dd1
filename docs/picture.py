# SPDX-License-Identifier: Apache-2.0
"""Print docs/blame.svg: what `byline blame` really says of a file of `byline demo`, as a picture."""

from __future__ import annotations

import io
import sys
import tempfile
from html import escape
from pathlib import Path

from byline_cli.demo import scenes
from byline_cli.demo.agent import ClaudeCode
from byline_cli.demo.stage import Stage
from byline_cli.demo.texts import FREE, GUARD, SHIPPING
from byline_cli.terminal import Terminal
from byline_cli.view import COLOURS

INK = {"green": "#3fb950", "magenta": "#d2a8ff", "yellow": "#e3b341", "cyan": "#56d4dd", "blue": "#79c0ff", "red": "#ff7b72"}
WIDTH, ROW, LEFT, TOP = 8.4, 21, 18, 44
COMMAND = f"byline blame {scenes.FILE}"


def play() -> list[str]:
    """Let the demo's people work for a moment, and take what blame says."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(root=Path(folder).resolve(), terminal=Terminal(out=io.StringIO(), err=io.StringIO()))
        try:
            story = scenes.open_story(stage)
            scenes.found_team(story)
            rob, claude = story.rob, ClaudeCode(actor=story.rob)
            claude.edit(scenes.FILE, GUARD, "")
            claude.edit(scenes.FILE, "TAX = 0.2\n", 'TAX = 0.2\nCURRENCY = "EUR"\n')
            rob.writes(scenes.FILE, rob.reads(scenes.FILE) + SHIPPING)
            claude.edit(scenes.FILE, *FREE)
            claude.stops()
            rob.quietly("git commit --quiet -a -m shipping", expect=0)
            rob.quietly("byline attest --wait", expect=0)
            return rob.quietly(COMMAND, expect=0).out.splitlines()
        finally:
            stage.close()


def draw(lines: list[str]) -> str:
    """Draw `lines` on a dark terminal."""
    columns = max(map(len, lines))
    width, height = round(columns * WIDTH + 2 * LEFT), len(lines) * ROW + TOP + 16
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(COMMAND)}</title>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
        '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">',
        f'<text x="{LEFT}" y="26" fill="#8b949e">$ {escape(COMMAND)}</text>',
    ]
    for number, line in enumerate(lines):
        head, bar, text = line.partition("│")
        colour = INK[COLOURS[head.split()[0]]]
        row = TOP + number * ROW + 10
        out.append(f'<text x="{LEFT}" y="{row}" fill="{colour}">{escape(head)}<tspan fill="#c9d1d9">{escape(bar + text)}</tspan></text>')
    return "\n".join([*out, "</g>", "</svg>", ""])


if __name__ == "__main__":
    sys.stdout.write(draw(play()))
