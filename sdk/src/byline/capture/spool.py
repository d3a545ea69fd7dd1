# SPDX-License-Identifier: Apache-2.0
r"""The shell that is installed: what an agent's hook and git's hooks run.

Agents and git wait for their hooks, so these are a few lines of POSIX shell that only secure what would be lost: a payload goes into
the inbox (two forks: `cat`, `mv`), a mark into the clone (no fork). A scan of the work tree adds git and one bare Python, side by
side. Everything else happens later, in `capture.settle` and in the attester that a git hook starts in the background.

Each text exits 0 (git's hooks: with the status of the hook that was there before), prints nothing, and does nothing where Byline is
gone: no interpreter, no folder. It can be run twice at once in one nanosecond: names come from the process id and `O_EXCL` (`set -C`).

    agent_stub("claude-code", python=...)      a script: `hook.sh` spools the payload on stdin, `hook.sh scan` scans, too
    git_hook_stub("post-commit", python=..., chained="post-commit.byline-chained")
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from byline.capture import snapshot
from byline.capture.agents import AGENT_VARIABLES, SPOOLED_VARIABLES
from byline.core.edit import Hook

GIT_HOOKS: Final = (*(hook.value for hook in Hook), "pre-push")
CHAINED: Final = ".byline-chained"
SIGNATURE: Final = "# Installed by Byline; `byline init --undo` takes it away."

_AGENT: Final = r"""#!/bin/sh
@signature@
# Secures what the agent says to its hook; reads, decides and prints nothing.
umask 077
set -C
exec 2>/dev/null
inbox=${XDG_STATE_HOME-}
case $inbox in /*) ;; *) inbox=${HOME-}/.local/state ;; esac
inbox=$inbox/byline/inbox
[ -d "$inbox" ] || mkdir -p "$inbox"
if [ "${1-}" = scan ] && [ -x @python@ ]; then
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX
  export GIT_OPTIONAL_LOCKS=0 LC_ALL=C
  exec 3<&0
  git ls-files -z -o --exclude-standard --full-name -- :/ </dev/null | {
    exec 4<&0
    {
      git rev-parse --path-format=absolute --show-object-format --absolute-git-dir --git-common-dir --show-toplevel HEAD
      printf '\000'
      git diff-index -z --raw --no-renames --ignore-submodules=dirty HEAD || git diff-index -z --raw "$(git hash-object -t tree /dev/null)"
    } </dev/null | @python@ -I -S @snapshot@ @agent@ "$inbox"
  }
  exit 0
fi
n=0
while [ "$n" -lt 99 ]; do
  f=$inbox/edit.@agent@.$$.$n
  n=$((n + 1))
  [ -e "$f.spool" ] || [ -e "$f.tmp" ] && continue
  mine= taken=
  # Who holds the .tmp may make the .spool: looked at again while held, so that no other file of this name is overwritten.
  if { mine=1; if [ -e "$f.spool" ]; then taken=1; else printf '%s\000' byline.spool/1 @agent@ @variables@ '' && cat; fi; } >"$f.tmp"; then
    [ -n "$taken" ] || { mv "$f.tmp" "$f.spool"; exit 0; }
    rm -f "$f.tmp"
  elif [ -n "$mine" ]; then
    [ -e "$f.tmp" ] && mv "$f.tmp" "$f.torn"
    exit 0
  fi
done
exit 0
"""

_GIT: Final = r"""#!/bin/sh
@signature@
# Notes that @hook@ ran, starts the attester in the background, and runs the hook that was here before.
chained=@chained@
case $chained in '' | /*) ;; *) chained=${0%/*}/$chained ;; esac
g=${GIT_DIR:-.git}
[ -f "$g" ] && read -r _ g <"$g"
case $g in /*) ;; *) g=$PWD/$g ;; esac
c=$g
if [ -f "$g/commondir" ]; then
  read -r c <"$g/commondir"
  case $c in /*) ;; *) c=$g/$c ;; esac
fi
b=$c/byline
@input@
byline_head() {
  h=
  read -r h <"$g/HEAD"
  case $h in 'ref: '*) ;; *) return ;; esac
  r=${h#ref: } h=
  if [ -f "$g/$r" ]; then read -r h <"$g/$r"
  elif [ -f "$c/$r" ]; then read -r h <"$c/$r"
  elif [ -d "$c/reftable" ]; then h=$(git rev-parse --verify -q HEAD)
  else
    while read -r o name; do
      [ "$name" = "$r" ] && h=$o && break
    done <"$c/packed-refs"
  fi
}
byline_mark() {
  byline_head
  p=
  for name in MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD REBASE_HEAD; do
    [ -f "$g/$name" ] && while read -r o _; do p="$p$o "; done <"$g/$name"
  done
  a=@variables@
  umask 077
  [ -d "$b/marks" ] || mkdir "$b/marks"
  set -C
  n=0
  m=$b/marks/mark.@hook@.$$
  until [ "$n" -gt 99 ] || {
    [ ! -e "$m.$n.mark" ] &&
      printf '%s\000' byline.mark/1 @hook@ "$g" "$h" "$p" "$a" "$pairs" end >"$m.$n.mark"
  }; do n=$((n + 1)); done
  set +C
}
byline_attest() {
  [ -x @python@ ] || return
  q= x=
  # A push has evidence to send, whoever attests.
  if [ @hook@ != pre-push ] && [ -f "$b/attester.pid" ]; then
    read -r q <"$b/attester.pid"
    # A number can be given to another process after a crash: where /proc tells, believe Byline only.
    if kill -0 "$q"; then
      [ -r "/proc/$q/cmdline" ] || return
      read -r x <"/proc/$q/cmdline"
      case $x in *byline*) return ;; esac
    fi
  fi
  (
    trap '' HUP
    [ -n "${GIT_DIR-}" ] && export GIT_DIR="$g"
    unset GIT_INDEX_FILE GIT_PREFIX GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
    exec @python@ -I -c 'from byline_cli.attester import main; main()' attest --background@more@ </dev/null >/dev/null 2>&1
  ) </dev/null >/dev/null 2>&1 &
}
@story@
"""

# A hook without input marks first and then becomes the chained hook, whose stdin, arguments and status are so its own.
_MARK_FIRST: Final = r"""if [ -d "$b" ]; then
  byline_mark </dev/null 2>/dev/null
  @unless@byline_attest 2>/dev/null
fi
[ -n "$chained" ] && [ -x "$chained" ] && exec "$chained" "$@"
exit 0"""

# post-rewrite reads its pairs from stdin; the chained hook is given the same bytes.
_REWRITE: Final = r"""if [ -d "$b" ]; then
  byline_mark </dev/null 2>/dev/null
  byline_attest 2>/dev/null
fi
[ -n "$chained" ] && [ -x "$chained" ] || exit 0
printf '%s' "$lines" | "$chained" "$@"
exit"""

# The chained hook may forbid the push; only then is there nothing to send.
_PUSH: Final = r"""status=0
if [ -n "$chained" ] && [ -x "$chained" ]; then
  printf '%s' "$lines" | "$chained" "$@"
  status=$?
fi
[ "$status" -eq 0 ] && [ -d "$b" ] && remote=${1-} && byline_attest 2>/dev/null
exit "$status" """

_INPUT: Final = r"""pairs= lines=
if [ -r /dev/stdin ] || [ -p /dev/stdin ]; then
  while read -r old new rest; do
    pairs="$pairs$old $new "
    lines="$lines$old $new${rest:+ $rest}
"
  done
fi 2>/dev/null"""

# In the middle of a rebase each pick would start an attester; post-rewrite ends the rebase and starts one.
_UNLESS_REBASING: Final = r'[ -d "$g/rebase-merge" ] || [ -d "$g/rebase-apply" ] || '


def agent_stub(agent: str, *, python: str | Path) -> str:
    """Return the script that `agent` runs as its hook: POSIX shell, with `python` as the absolute path of an interpreter."""
    variables = " ".join(f'"{name}=${{{name}-}}"' for name in SPOOLED_VARIABLES)
    return _render(
        _AGENT,
        agent=shlex.quote(agent),
        python=shlex.quote(str(python)),
        snapshot=shlex.quote(str(Path(snapshot.__file__).resolve())),
        variables=variables,
        signature=SIGNATURE,
    )


def git_hook_stub(hook: str, *, python: str | Path, chained: str | Path | None = None) -> str:
    """Return the script that stands as git's `hook`, one of `GIT_HOOKS`.

    `chained` is the hook that was there before. It keeps its arguments, input and exit status. Named `<hook>.byline-chained` it is
    looked for beside this one, so that a repository can be moved.
    """
    before = str(chained or "")
    if before.endswith(f"/{hook}{CHAINED}"):
        before = hook + CHAINED
    story = {"post-rewrite": _REWRITE, "pre-push": _PUSH}.get(hook, _MARK_FIRST)
    return _render(
        _GIT,
        story=story,
        input=_INPUT if hook in ("post-rewrite", "pre-push") else "pairs=",
        unless=_UNLESS_REBASING if hook == "post-commit" else "",
        more=' --push="$remote"' if hook == "pre-push" else "",
        hook=hook,
        chained=shlex.quote(before),
        python=shlex.quote(str(python)),
        variables='"' + "".join(f"${{{name}:+{name} }}" for name in AGENT_VARIABLES) + '"',
        signature=SIGNATURE,
    )


def _render(text: str, **values: str) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
