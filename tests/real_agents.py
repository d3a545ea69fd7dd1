# SPDX-License-Identifier: Apache-2.0
r"""Agents as people have them, of one version each, driven by a scripted model: `byline init` installs the hooks, the agent runs them.

work = Work.begin(repository, CLAUDE)            # init, and a person's file that is committed
with work.model(main) as model:
work.asks(model, "Write app.py please")       # one run of the agent; `more=True` goes on with the last one
work.commit(); work.lines("app.py")               # -> [("ai", "claude-sonnet-4-5"), ...], line by line
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from installed import Installed
from model_server import Call, ModelServer, Turn
from tools import made_once, node_packages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from scratch import Scratch

SECONDS = 300
STARTS = "x = 1\ny = 2\n"


class Command(Protocol):
    """How an agent is asked for something."""

    def __call__(self, what: str, model: str, *, more: bool) -> Sequence[str]:
        """Return the words after the program."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RealAgent:
    """An agent of one version: how it is called and configured, and the words of its tools.

    `command` gets what is asked and whether to go on with the last session; `settle` the home, the work tree and the model's address,
    and returns the environment.
    """

    name: str
    package: str
    program: str
    models: tuple[str, str]
    command: Command
    settle: Callable[[Path, Path, str], Mapping[str, str]]
    writes: Callable[[Path, str], Call]
    replaces: Callable[[Path, str, str], Call]
    runs: Callable[[str], Call]
    goes_on: bool = True  # with the last session, for who does not know its id
    ends: Callable[[Path], None] = lambda _home: None  # what it leaves running
    at_once: Sequence[str] = ()  # the variables without which it only starts itself a second time

    def __str__(self) -> str:
        return self.package

    def path(self) -> Path:
        """Return the program, installed if it is not here; the test is skipped where it cannot be had."""
        place = node_packages(f"{self.name}-{self.package.rpartition('@')[2]}", self.package, scripts=True)
        return place / (self.program if "/" in self.program else f".bin/{self.program}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A person's clone in which the agent works."""

    agent: RealAgent
    program: Path
    clone: Installed

    @classmethod
    def begin(cls, scratch: Scratch, agent: RealAgent, *options: str) -> Work:
        """Set up Byline for the agent, as a person would."""
        program = agent.path()
        scratch.write("human.py", STARTS)
        scratch.commit("a person's file")
        clone = Installed(scratch)
        said = clone.byline("init", "--agent", agent.name, "--declare-own-lines", "--yes", *options)
        assert said.code == 0, said
        return cls(agent=agent, program=program, clone=clone)

    @property
    def path(self) -> Path:
        """The work tree."""
        return self.clone.path

    def model(self, *turns: Turn, **others: Sequence[Turn]) -> ModelServer:
        """Return the model that takes `turns`; in conversations that begin with the name of one of `others` those."""
        return ModelServer({**others, "": turns})

    def asks(self, model: ModelServer, what: str, *, with_model: int = 0, more: bool = False, code: int = 0) -> str:
        """Run the agent once, to its exit `code`, and return what it printed."""
        with self.starts(model, what, with_model=with_model, more=more, **dict.fromkeys(self.agent.at_once, "true")) as running:
            out, error = running.communicate(timeout=SECONDS)
        assert running.returncode == code, (running, out, error)
        return out.decode()

    @contextmanager
    def starts(
        self, model: ModelServer, what: str, *, with_model: int = 0, more: bool = False, **others: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Let the agent begin, in a group of processes of its own, and wait for its end; where the test fails it is killed.

        What it leaves running for its next start is ended.
        """
        command = [self.program, *self.agent.command(what, self.agent.models[with_model], more=more)]
        # As a shell sets it: an agent may go by it.
        home = Path(os.environ["HOME"])
        environ = {**os.environ, "PWD": str(self.path), **self.agent.settle(home, self.path, model.url), **others}
        outputs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, cwd=self.path, env=environ, stdin=subprocess.DEVNULL, start_new_session=True, **outputs) as running:
            try:
                yield running
            except BaseException:
                with suppress(ProcessLookupError):
                    os.killpg(running.pid, signal.SIGKILL)
                raise
            finally:
                self.agent.ends(home)

    def writes(self, name: str, text: str) -> Call:
        """Return the call that makes a new file."""
        return self.agent.writes(self.path / name, text)

    def replaces(self, name: str, old: str, new: str) -> Call:
        """Return the call that replaces a line of a file."""
        return self.agent.replaces(self.path / name, old, new)

    def runs(self, command: str) -> Call:
        """Return the call that runs a command."""
        return self.agent.runs(command)

    def types(self, name: str, line: str) -> None:
        """Let a person add a line to a file."""
        with (self.path / name).open("a") as file:
            file.write(line + "\n")

    def lines(self, name: str) -> list[tuple[str, str | None]]:
        """Return the origin of each line and the model, as blame has it."""
        said = self.clone.byline("blame", "--json", name)
        assert said.code == 0, said
        return [
            (each["origin"], each.get("model")) for each in json.loads(said.out)["ranges"] for _ in range(each["start"], each["end"] + 1)
        ]

    def sessions(self, name: str) -> set[str]:
        """Return the sessions that wrote a file."""
        said = self.clone.byline("blame", "--json", name)
        assert said.code == 0, said
        return {each["session"] for each in json.loads(said.out)["ranges"] if each.get("session")}


def _claude(what: str, model: str, *, more: bool) -> list[str]:
    tools = "Write,Edit,Bash,Read,NotebookEdit,Agent,Task"
    said = ["-p", what, "--model", model, "--permission-mode", "acceptEdits", "--allowedTools", tools, "--output-format", "json"]
    return [*said, "--continue"] if more else said


def _claude_environ(_home: Path, _top: Path, url: str) -> dict[str, str]:
    quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
    return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "none", **quiet}


CLAUDE = RealAgent(
    name="claude-code",
    package="@anthropic-ai/claude-code@2.1.330",
    program="claude",
    models=("claude-sonnet-4-5", "claude-haiku-4-5"),
    command=_claude,
    settle=_claude_environ,
    writes=lambda path, text: Call("Write", {"file_path": str(path), "content": text}),
    replaces=lambda path, old, new: Call("Edit", {"file_path": str(path), "old_string": old, "new_string": new}),
    runs=lambda command: Call("Bash", {"command": command, "description": "a command"}),
)


def _codex(what: str, model: str, *, more: bool) -> list[str]:
    said = ["exec", "--json", "--dangerously-bypass-hook-trust", "--model", model]
    return [*said, "resume", "--last", what] if more else [*said, what]


def _codex_environ(home: Path, top: Path, url: str) -> dict[str, str]:
    (home / ".codex").mkdir(exist_ok=True)
    table: dict[str, Any] = {"name": "scripted", "base_url": f"{url}/v1", "wire_api": "responses", "env_key": "SCRIPTED_KEY"}
    lines = ['model_provider = "scripted"', 'approval_policy = "never"', 'sandbox_mode = "danger-full-access"']
    lines += ["model_auto_compact_token_limit = 5000"]
    lines += ["check_for_update_on_startup = false", "[model_providers.scripted]", "request_max_retries = 0", "stream_max_retries = 0"]
    lines += [f"{name} = {json.dumps(value)}" for name, value in table.items()]
    lines += [f"[projects.{json.dumps(str(top))}]", 'trust_level = "trusted"']
    (home / ".codex" / "config.toml").write_text("\n".join(lines) + "\n")
    return {"SCRIPTED_KEY": "none"}


def _patch(text: str) -> Call:
    return Call("apply_patch", f"*** Begin Patch\n{text}*** End Patch\n")


CODEX = RealAgent(
    name="codex",
    package="@openai/codex@0.169.0",
    program="codex",
    models=("gpt-5.5", "gpt-5.4"),
    command=_codex,
    settle=_codex_environ,
    writes=lambda path, text: _patch(f"*** Add File: {path}\n" + "".join(f"+{line}\n" for line in text.splitlines())),
    replaces=lambda path, old, new: _patch(f"*** Update File: {path}\n@@\n-{old}\n+{new}\n"),
    runs=lambda command: Call("exec_command", {"cmd": command}),
)


def _gemini(what: str, model: str, *, more: bool) -> list[str]:
    said = ["-p", what, "--model", model, "--approval-mode", "yolo", "--skip-trust", "--output-format", "json"]
    return [*said, "--resume", "latest"] if more else said


def _gemini_environ(home: Path, _top: Path, url: str) -> dict[str, str]:
    (home / ".gemini").mkdir(exist_ok=True)
    off = {"general": {"disableAutoUpdate": True, "enableAutoUpdate": False}, "privacy": {"usageStatisticsEnabled": False}}
    chosen = {"security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}}}
    (home / ".gemini" / "settings.json").write_text(json.dumps({**off, **chosen, "telemetry": {"enabled": False}}))
    return {"GEMINI_API_KEY": "none", "GOOGLE_GEMINI_BASE_URL": url}


GEMINI = RealAgent(
    name="gemini-cli",
    package="@google/gemini-cli@0.61.0",
    program="gemini",
    models=("gemini-2.5-pro", "gemini-2.5-flash"),
    command=_gemini,
    settle=_gemini_environ,
    writes=lambda path, text: Call("write_file", {"file_path": str(path), "content": text}),
    replaces=lambda path, old, new: Call(
        "replace", {"file_path": str(path), "instruction": "change it", "old_string": old, "new_string": new}
    ),
    runs=lambda command: Call("run_shell_command", {"command": command, "description": "a command"}),
    at_once=("GEMINI_CLI_NO_RELAUNCH",),
)


def _copilot(what: str, model: str, *, more: bool) -> list[str]:
    said = ["-p", what, "--model", model, "--allow-all-tools", "--allow-all-paths", "--no-color"]
    return [*said, "--continue"] if more else said


def _copilot_unpacked() -> Path:
    """Return where Copilot keeps what it unpacks when it first starts, a quarter of a gigabyte: once, and not for each home."""

    def make(place: Path) -> None:
        environ = {**os.environ, "COPILOT_PKG_CACHE_HOME": str(place)}
        subprocess.run(
            [COPILOT.path(), "--version"], env=environ, stdin=subprocess.DEVNULL, check=True, capture_output=True, timeout=SECONDS
        )

    return made_once(f"copilot-unpacked-{COPILOT.package.rpartition('@')[2]}", make)


def _copilot_environ(_home: Path, _top: Path, url: str) -> dict[str, str]:
    model = {"COPILOT_PROVIDER_BASE_URL": f"{url}/v1", "COPILOT_PROVIDER_API_KEY": "none", "COPILOT_OFFLINE": "true"}
    return {**model, "COPILOT_PKG_CACHE_HOME": str(_copilot_unpacked()), "COPILOT_ALLOW_ALL": "true", "COPILOT_AUTO_UPDATE": "false"}


COPILOT = RealAgent(
    name="copilot-cli",
    package="@github/copilot@1.0.102",
    program="copilot",
    models=("gpt-5", "gpt-5-mini"),
    command=_copilot,
    settle=_copilot_environ,
    writes=lambda path, text: Call("create", {"path": str(path), "file_text": text}),
    replaces=lambda path, old, new: Call("edit", {"path": str(path), "old_str": old, "new_str": new}),
    runs=lambda command: Call("bash", {"command": command, "description": "a command"}),
)


def _pi(what: str, model: str, *, more: bool) -> list[str]:
    return ["-p", *(["--continue"] if more else []), "--provider", "scripted", "--model", model, what]


def _pi_environ(home: Path, _top: Path, url: str) -> dict[str, str]:
    known = [
        {"id": each, "name": each, "reasoning": False, "input": ["text"], "contextWindow": 100_000, "maxTokens": 4096} for each in PI.models
    ]
    scripted = {"baseUrl": f"{url}/v1", "apiKey": "none", "api": "openai-completions", "models": known}
    (home / ".pi/agent").mkdir(parents=True, exist_ok=True)
    (home / ".pi/agent/models.json").write_text(json.dumps({"providers": {"scripted": scripted}}))
    return {"PI_OFFLINE": "1", "PI_SKIP_VERSION_CHECK": "1"}


PI = RealAgent(
    name="pi",
    package="@mariozechner/pi-coding-agent@0.73.1",
    program="pi",
    models=("first", "second"),
    command=_pi,
    settle=_pi_environ,
    writes=lambda path, text: Call("write", {"path": str(path), "content": text}),
    replaces=lambda path, old, new: Call("edit", {"path": str(path), "edits": [{"oldText": old, "newText": new}]}),
    runs=lambda command: Call("bash", {"command": command}),
)


def _opencode(what: str, model: str, *, more: bool) -> list[str]:
    return ["run", what, "--format", "json", "--model", f"scripted/{model}", *(["--continue"] if more else [])]


def _opencode_environ(home: Path, top: Path, url: str) -> dict[str, str]:
    known = {each: {"name": each, "tool_call": True, "limit": {"context": 100_000, "output": 8000}} for each in OPENCODE.models}
    options = {"baseURL": f"{url}/v1", "apiKey": "none"}
    scripted = {"npm": "@ai-sdk/openai-compatible", "name": "scripted", "options": options, "models": known}
    first = f"scripted/{OPENCODE.models[0]}"
    config = {"model": first, "small_model": first, "autoupdate": False, "share": "disabled", "provider": {"scripted": scripted}}
    config["permission"] = {"edit": "allow", "bash": "allow"}
    for place in (home / ".config/opencode", top / ".opencode"):
        # As where it ran before: else it fetches what types its plugins, 64 megabytes that nothing here needs, for each of both.
        (place / "node_modules").mkdir(parents=True, exist_ok=True)
        (place / "package-lock.json").write_text(json.dumps({"packages": {"": {"dependencies": {"@opencode-ai/plugin": "*"}}}}))
    (home / ".config/opencode/opencode.json").write_text(json.dumps(config))
    catalogue = home / "models.json"  # to read its own, of all models that there are, is a third of a run
    catalogue.write_text("{}")
    off = {f"OPENCODE_DISABLE_{each}": "1" for each in ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD")}
    return {**off, "OPENCODE_MODELS_PATH": str(catalogue)}


OPENCODE = RealAgent(
    name="opencode",
    package="opencode-ai@1.18.33",
    program="opencode",
    models=("first", "second"),
    command=_opencode,
    settle=_opencode_environ,
    writes=lambda path, text: Call("write", {"filePath": str(path), "content": text}),
    replaces=lambda path, old, new: Call("edit", {"filePath": str(path), "oldString": old, "newString": new}),
    runs=lambda command: Call("bash", {"command": command, "description": "a command"}),
)


def _cline(what: str, model: str, *, more: bool) -> list[str]:
    assert not more, "it goes on with a session by its id only"
    return ["-P", "openai-compatible", "-m", model, "--json", what]


def _cline_environ(home: Path, _top: Path, url: str) -> dict[str, str]:
    """Write down what `cline auth` asks for."""
    name = "openai-compatible"
    settings = {"provider": name, "apiKey": "none", "model": CLINE.models[0], "baseUrl": f"{url}/v1"}
    known = {name: {"settings": settings, "updatedAt": "2026-01-01T00:00:00.000Z", "tokenSource": "manual"}}
    place = home / ".cline/data/settings/providers.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"version": 1, "lastUsedProvider": name, "modes": {}, "providers": known}))
    return {"CLINE_TELEMETRY_DISABLED": "1"}


def _cline_ends(home: Path) -> None:
    """End the hub; where nobody waits for it it stays a zombie, which the next Cline would take for one that lives."""
    record = home / ".cline/data/locks/hub/production.json"
    if record.exists():
        with suppress(ProcessLookupError):
            os.kill(json.loads(record.read_bytes())["pid"], signal.SIGKILL)
        record.unlink()


CLINE = RealAgent(
    name="cline",
    package="cline@3.0.65",
    program="cline",
    models=("gpt-5", "gpt-5-mini"),
    command=_cline,
    settle=_cline_environ,
    writes=lambda path, text: Call("apply_patch", {"input": f"*** Begin Patch\n*** Add File: {path}\n{_plus(text)}*** End Patch\n"}),
    replaces=lambda path, old, new: Call(
        "apply_patch", {"input": f"*** Begin Patch\n*** Update File: {path}\n@@\n-{old}\n+{new}\n*** End Patch\n"}
    ),
    runs=lambda command: Call("run_commands", {"commands": [command]}),
    goes_on=False,
    ends=_cline_ends,
)


def _qwen(what: str, model: str, *, more: bool) -> list[str]:
    said = ["-p", what, "--model", model, "--approval-mode", "yolo", "--auth-type", "openai", "--output-format", "json"]
    return [*said, "--continue"] if more else said


def _qwen_environ(_home: Path, _top: Path, url: str) -> dict[str, str]:
    return {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": f"{url}/v1", "QWEN_CODE_SUPPRESS_YOLO_WARNING": "1"}


QWEN = RealAgent(
    name="qwen-code",
    package="@qwen-code/qwen-code@0.24.4",
    program="qwen",
    models=("qwen3-coder-plus", "qwen3-coder-flash"),
    command=_qwen,
    settle=_qwen_environ,
    writes=lambda path, text: Call("write_file", {"file_path": str(path), "content": text}),
    replaces=lambda path, old, new: Call("edit", {"file_path": str(path), "old_string": old, "new_string": new}),
    runs=lambda command: Call("run_shell_command", {"command": command, "description": "a command", "is_background": False}),
    at_once=("QWEN_CODE_NO_RELAUNCH",),
)


def droid_runs(command: str, **others: object) -> Call:
    """Return Factory Droid's call that runs a command."""
    why = {"summary": "Run a small command", "riskLevelReason": "It is a test.", "riskLevel": "low"}
    return Call("Execute", {"command": command, **why, **others})


def _droid(what: str, model: str, *, more: bool) -> list[str]:
    assert not more, "it asks its makers before it goes on with a session"
    return ["exec", "--auto", "high", "--model", model, "--output-format", "json", what]


def _droid_environ(home: Path, _top: Path, url: str) -> dict[str, str]:
    scripted = {"baseUrl": f"{url}/v1", "apiKey": "none", "provider": "generic-chat-completion-api", "maxOutputTokens": 8000}
    known = [{**scripted, "model": name, "displayName": name} for name in ("first", "second")]
    (home / ".factory").mkdir(exist_ok=True)
    (home / ".factory/settings.json").write_text(json.dumps({"customModels": known}))
    return {}


# The package that only starts it asks for a version of the program's that is nowhere.
DROID = RealAgent(
    name="factory-droid",
    package="@factory/cli-linux-x64@0.225.2",
    program="@factory/cli-linux-x64/bin/droid",
    models=("custom:first-0", "custom:second-0"),
    command=_droid,
    settle=_droid_environ,
    writes=lambda path, text: Call("Create", {"file_path": str(path), "content": text}),
    replaces=lambda path, old, new: Call("Edit", {"file_path": str(path), "old_str": old, "new_str": new}),
    runs=droid_runs,
    goes_on=False,
)

AGENTS = (CLAUDE, CODEX, COPILOT, GEMINI, OPENCODE, PI, CLINE, QWEN, DROID)


def _plus(text: str) -> str:
    return "".join(f"+{line}\n" for line in text.splitlines())
