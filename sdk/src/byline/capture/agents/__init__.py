# SPDX-License-Identifier: Apache-2.0
"""One file for each agent: its payloads become `Observed`, purely.

An adapter reads the bytes that the agent gave to its hook, and a few variables of the hook's environment, and says what the agent
did to which files, in the agent's own words. It touches no file: which bytes are on disk, which repository a path belongs to and
which model a transcript names is for `capture.reading`. An adapter is one module that holds one `ADAPTER`; `catalogue` finds it by name,
`members` reads what all payloads have.
"""

from __future__ import annotations

from byline.core.authors import Channel, answers
from byline.core.choice import Enum, auto
from byline.core.value import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from byline.core.access import Effect
    from byline.core.authors import Agent
    from byline.core.edit import Unseen

# Variables that coding agents set for what they start. The git hooks' shell text is rendered from the same list.
AGENT_VARIABLES = (
    "AI_AGENT",
    "CLAUDECODE",
    "CODEX_SANDBOX",
    "CODEX_THREAD_ID",
    "COPILOT_CLI",
    "CURSOR_AGENT",
    "GEMINI_CLI",
    "GOOSE_TERMINAL",
    "OPENCODE",
    "QWEN_CODE",
    "BYLINE_SESSION",
)

ON_BEHALF_OF = "BYLINE_ON_BEHALF_OF"
WATCHES = "BYLINE_WATCHES"  # the windows in which a process was started (`capture.agents.program`)

# What a hook's environment tells and its payload does not; spooled beside the payload.
SPOOLED_VARIABLES = ("AI_AGENT", "COPILOT_CLI", "CONTINUE_PROJECT_DIR", ON_BEHALF_OF, WATCHES)

MAX_STRING = 512


class Kind(Enum):
    """What a payload is about."""

    NOTHING = auto()  # no file, or a call that was denied or failed
    EDIT = auto()  # it names the files that it changed
    OPENS = auto()  # a command starts that may change any file
    CLOSES = auto()  # that command has ended
    STOPS = auto()  # the agent rests: whatever it started has ended
    PROMPT = auto()  # a person says what the agent is to do


@dataclass(frozen=True, slots=True, kw_only=True)
class FileText:
    """One file as the agent tells it. Texts are decoded by the agent and may hold U+FFFD where the bytes were not its encoding.

    `before` is None for a new file and `UNSEEN` where the payload does not say; `after` None: only the disk knows. `proposed` is what
    the agent wanted to write, where a person changed the proposal before it was written. `replaced` holds the (old, new) text of a
    single replacement; where `before` is `UNSEEN` it is undone in what stands there after.
    """

    path: str
    before: str | Unseen | None
    after: str | None
    proposed: str | None = None
    replaced: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What one payload says. `only` limits a command's window to some paths; `transcript` tells which model made `call`.

    `ends` is false for a call of which no event tells the end: the session's next event closes its window, or a commit of a person.
    `moment` is the agent's own time of the call, as its transcript writes times; where it tells none, its hook's. `on_behalf_of` is the
    principal whom the hook's environment names as who let the agent act; no adapter says that. A `window` has a name where calls need not
    have one; it is `inside` those in which it was opened (`capture.agents.program`). `prompt` is what a person asked for.
    """

    kind: Kind
    agent: Agent
    session: str | None
    call: str | None
    files: tuple[FileText, ...] = ()
    only: tuple[str, ...] = ()
    ends: bool = True
    transcript: str | None = None
    moment: str | None = None
    on_behalf_of: str | None = None
    tool: str | None = None
    channel: Channel = Channel.HOOK
    window: str | None = None
    inside: tuple[str, ...] = ()
    prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What an agent is about to do, as it tells the hook before: write `paths` (absolute), or run the shell line `command` in `cwd`."""

    observed: Observed
    cwd: str
    paths: tuple[str, ...] = ()
    command: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """How a hook tells its agent that a call is not to be made: what it prints, and its exit status."""

    output: bytes = b""
    error: bytes = b""
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of our hook that the agent's settings ask for: at `event`, for the tools that `matcher` matches (empty: all)."""

    event: str
    matcher: str = ""
    scan: bool = False  # whether the work tree is scanned, for the payload does not hold the texts
    guard: bool = False  # whether the agent waits for the policy's answer (`capture.guard`)
    opens: bool = False  # whether a call begins of which another event tells the end

    @property
    def mode(self) -> str:
        """The words that the script is called with, empty where it only takes the payload."""
        return "guard" if self.guard else "scan o" if self.opens else "scan" if self.scan else ""


def watched(
    matcher: str = "",
    *,
    reported: str = "",
    before: str = "PreToolUse",
    after: tuple[str, ...] = ("PostToolUse",),
    rests: tuple[str, ...] = ("Stop",),
) -> tuple[Call, ...]:
    """Return the calls that guard the tools that `matcher` matches, and scan before and after them and when the agent rests.

    The tools that `reported` matches are guarded, too, and not scanned: what they did is told with its texts at the first of `after`.
    """
    guarded = f"{reported}|{matcher}" if reported else matcher
    told = (Call(event=after[0], matcher=reported),) if reported else ()
    ends = ((matcher, after), ("", rests))
    closing = tuple(Call(event=event, matcher=tools, scan=True) for tools, events in ends for event in events)
    return (Call(event=before, matcher=guarded, guard=True), *told, Call(event=before, matcher=matcher, scan=True, opens=True), *closing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """What Byline knows of one agent. `name` stands in records, `title` before people.

    `parse_payload` reads a payload that came with these variables; it raises `MalformedError` for what the agent does not send.
    `find_model` says which model made the call that was observed, by (the end of) the transcript that it names. `hooks` is what `init`
    puts into its settings; empty for an agent that is set up another way, as one that `shares` the hooks of another; `prompts` is what it
    puts there, too, for a person who wants prompts to be committed to, None where the agent tells of none. `tested` is the
    version whose payloads were seen, None where they were built from the documented schema. `exact` and `lost` say in a few words what is
    known to the byte and what is not seen.

    `parse_attempt` reads the payload of a call that is about to be made, None for one that neither writes nor runs anything; it raises as
    `parse_payload` does. `format_denial` says no in the agent's own form, or, where that can be, that a person is asked.
    """

    name: str
    title: str
    parse_payload: Callable[[bytes, Mapping[str, str]], Observed]
    find_model: Callable[[bytes, Observed], str | None] | None = None
    hooks: tuple[Call, ...] = ()
    prompts: Call | None = None
    shares: str = ""
    parse_attempt: Callable[[bytes, Mapping[str, str]], Attempt | None] | None = None
    format_denial: Callable[[Effect, str], Denial] | None = None
    tested: str | None = None
    exact: str = ""
    lost: str = ""


def names_agent(environ: Mapping[str, str]) -> bool:
    """Whether `environ` is that of a process that an agent started."""
    return any(environ.get(name) for name in AGENT_VARIABLES)


def acts_for(environ: Mapping[str, str]) -> str | None:
    """Return the principal for whom a process with `environ` acts, None where `BYLINE_ON_BEHALF_OF` names none."""
    named = environ.get(ON_BEHALF_OF, "")
    return named if answers(named) else None


def clean(text: str) -> str:
    """Return `text` without control characters and at most 512 characters long: it came from an agent."""
    return "".join(c for c in text[:MAX_STRING] if c.isprintable())
