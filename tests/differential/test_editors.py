"""Real editors, set up as the documentation says: they show what is found, and mend it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dsv4_env.cli import COMMANDS
from tests.unit.lsp.editing import SCRIPT, project

PAGE = (Path(__file__).parent.parent.parent / "docs/howto/editor.md").read_text()
NVIM, EMACS = shutil.which("nvim"), shutil.which("emacs")
_LUA = """
local function all() return vim.diagnostic.get(0) end
vim.wait(60000, function() return #all() > 0 end)
local found = {}
for _, d in ipairs(all()) do table.insert(found, { d.lnum, d.col, d.end_col, d.code }) end
local params = vim.lsp.util.make_range_params(0, 'utf-16')
params.range = { start = { line = 0, character = 9 }, ['end'] = { line = 0, character = 9 } }
params.context = { diagnostics = {} }
local made = vim.lsp.buf_request_sync(0, 'textDocument/codeAction', params, 60000)
for _, answer in pairs(made) do
  vim.lsp.util.apply_workspace_edit(answer.result[1].edit, 'utf-16')
end
local left = vim.wait(60000, function() return #all() == 1 end)
local line = vim.api.nvim_buf_get_lines(0, 0, 1, false)[1]
io.stdout:write(vim.json.encode({ found = found, line = line, left = left }))
"""
_LISP = """
(setq eglot-sync-connect 60)
(find-file "small.sh")
(apply #'eglot (eglot--guess-contact))
(let ((n 0))
  (while (and (< n 600) (null (flymake-diagnostics)))
    (flymake-start) (accept-process-output nil 0.1) (setq n (1+ n))))
(dolist (d (flymake-diagnostics)) (princ (format "%s\\n" (flymake-diagnostic-text d))))
(princ (mapconcat (lambda (a) (plist-get a :title)) (eglot-code-actions 8 10) "\\n"))
"""


def blocks(language: str) -> list[str]:
    """The blocks of the page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, with dsv4-env on PATH and nothing of the user's own."""
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "dsv4-env"
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dsv4_env "$@"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "work").mkdir()
    return project(tmp_path / "work")


def test_what_the_page_says_to_start() -> None:
    """Each editor's block can be read, and starts the command that there is."""
    (code,) = map(json.loads, blocks("json"))
    (helix,) = map(tomllib.loads, blocks("toml"))
    server = helix["language-server"]["dsv4-env"]
    assert [code["glspc.server.command"], *code["glspc.server.commandArguments"]] == [
        server["command"],
        *server["args"],
    ]
    assert all("dsv4-env" in one["language-servers"] for one in helix["language"])
    (lua,), (lisp,) = blocks("lua"), blocks("lisp")
    assert "cmd = { 'dsv4-env', 'lsp' }" in lua
    assert '. ("dsv4-env" "lsp")' in lisp
    assert "lsp" in COMMANDS


def _newer_nvim() -> bool:
    if NVIM is None:
        return False
    said = subprocess.run([NVIM, "--version"], capture_output=True, text=True).stdout
    match = re.match(r"NVIM v(\d+)\.(\d+)", said)
    return match is not None and (int(match[1]), int(match[2])) >= (0, 11)


@pytest.mark.skipif(not _newer_nvim(), reason="Neovim 0.11 isn't installed")
def test_neovim(at_work: Path) -> None:
    """It finds the drift, and the first quick fix settles it."""
    assert NVIM is not None
    (at_work / "init.lua").write_text(blocks("lua")[0])
    (at_work / "drive.lua").write_text(_LUA)
    words = ["--headless", "-u", "init.lua", "small.sh", "-c", "luafile drive.lua", "-c", "qa!"]
    done = subprocess.run([NVIM, *words], cwd=at_work, capture_output=True, timeout=240)
    told = json.loads(done.stdout)
    assert [0, 7, 25, "changed"] in told["found"]
    assert told["line"] == SCRIPT.split("\n")[0].replace("=0", "=1")
    assert told["left"]
    assert b"rror" not in done.stderr


@pytest.mark.skipif(EMACS is None, reason="Emacs isn't installed")
def test_emacs(at_work: Path) -> None:
    """Eglot shows the finding and what may be done about it."""
    assert EMACS is not None
    there = "(progn (package-initialize) (require 'eglot))"
    begin = f"(require 'package) (condition-case nil {there} (error (kill-emacs 77)))"
    (at_work / "drive.el").write_text(f"{begin}\n{blocks('lisp')[0]}\n{_LISP}")
    done = subprocess.run(
        [EMACS, "--batch", "-l", "drive.el"], cwd=at_work, capture_output=True, timeout=240
    )
    if done.returncode == 77:
        pytest.skip("eglot isn't installed")
    said = done.stdout.decode()
    assert 'SGLANG_USE_AITER is "0"; small has "1"' in said
    assert "Make SGLANG_USE_AITER what small has" in said
