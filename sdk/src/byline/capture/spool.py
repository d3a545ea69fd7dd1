# SPDX-License-Identifier: Apache-2.0
r"""The shell that is installed: what an agent's hook and git's hooks run.

Agents and git wait for their hooks, so these are a few lines of POSIX shell that only secure what would be lost: a payload goes into
the inbox (two forks: `cat`, `mv`), a mark into the clone (no fork). A scan of the work tree adds git and one bare Python, side by
side. Everything else happens later, in `capture.settle` and in the attester that a git hook starts in the background.

Each text exits 0 (git's hooks: with the status of the hook that was there before), prints nothing, and does nothing where Byline is
gone: no interpreter, no folder. It can be run twice at once in one nanosecond: names come from the process id and `O_EXCL` (`set -C`).
Where Python is they read from a file that follows a Byline that moves (`capture.launcher`).

    agent_stub("claude-code", launcher=...)      a script: `hook.sh` spools the payload on stdin, `hook.sh scan` scans, too,
                                                 `hook.sh guard` answers whether a call may be made (`capture.guard`)
    git_hook_stub("post-commit", launcher=..., chained="post-commit.byline-chained")      a clone's own hook
    user_hook_stub("pre-commit", launcher=..., former=None)      a hook of all the user's repositories, which calls the repository's own

A git hook that only git could call as git does has no user-wide stub (`USER_HOOKS`): git acts otherwise where there is a
`push-to-checkout`, and would start `reference-transaction` and `post-index-change` several times a command, `git status` included.
`fsmonitor-watchman` is not looked for among the hooks. All others, those of servers and of `git p4` too, do nothing by being there.
"""

from __future__ import annotations

import shlex
from textwrap import indent
from typing import TYPE_CHECKING, Final

from byline.capture.agents import AGENT_VARIABLES, SPOOLED_VARIABLES
from byline.capture.guard import LOCAL, REMOTE_BRANCHES
from byline.capture.inbox import FULL, MAX_WAITING
from byline.core.edit import Hook

if TYPE_CHECKING:
    from pathlib import Path

GIT_HOOKS: Final = (*(hook.value for hook in Hook), "pre-push")
USER_HOOKS: Final = (
    *GIT_HOOKS,
    *("applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit", "prepare-commit-msg", "commit-msg"),
    *("pre-rebase", "post-checkout", "pre-auto-gc", "sendemail-validate"),
    *("pre-receive", "update", "proc-receive", "post-receive", "post-update"),
    *("p4-changelist", "p4-prepare-changelist", "p4-post-changelist", "p4-pre-submit"),
)
NOT_CALLED: Final = ("push-to-checkout", "reference-transaction", "post-index-change")  # a repository's own, where USER_HOOKS are
CHAINED: Final = ".byline-chained"
SIGNED: Final = "# Installed by Byline;"
SIGNATURE: Final = f"{SIGNED} `byline init --undo` takes it away."
USER_SIGNATURE: Final = f"{SIGNED} `byline init --user --undo` takes it away."

_AGENT: Final = r"""#!/bin/sh
@signature@
# Secures what the agent says to its hook; reads, decides and prints nothing. Called as `guard` it lets `guard.py` answer.
umask 077
set -C
exec 9>&2 2>/dev/null
inbox=${XDG_STATE_HOME-}
case $inbox in /*) ;; *) inbox=${HOME-}/.local/state ;; esac
inbox=$inbox/byline/inbox
[ -d "$inbox" ] || mkdir -p "$inbox"
# Where git's hooks find no folder of Byline they stay silent; from here on the repository has one.
d=$PWD _g=
until [ -z "$d" ] || [ -e "$d/.git" ]; do d=${d%/*}; done
if [ -n "$d" ]; then
  _t=$d _g=$d/.git
@place@
  [ -d "$_c/byline" ] || { [ -f "$_c/HEAD" ] && mkdir -p "$_c/byline/marks"; }
fi
python= snapshot=
{ IFS= read -r python; IFS= read -r snapshot; } <@launcher@
if ! { [ -x "$python" ] && [ -f "$snapshot" ]; }; then
  # A Byline that moved comes back and reads this; one that is gone for good must not fill the disk.
  set -- "$inbox"/*.spool
  [ "$#" -lt @most@ ] || { printf '' >"$inbox/@full@"; exit 0; }
elif [ "${1-}" = guard ]; then
  # The agent waits for yes or no, and where the repository has no policy it waits for this line.
  [ -n "$d" ] && { [ -e "$d/.byline/policy.toml" ] || [ -e "$_c/byline/guarded" ]; } || exit 0
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX
  export GIT_OPTIONAL_LOCKS=0 GIT_NO_LAZY_FETCH=1 GIT_NO_REPLACE_OBJECTS=1 LC_ALL=C
  exec 3<&0
  {
    spec() { printf '%s^{commit}\n%s:.byline/policy.toml\n' "$1" "$1"; }
    for r in @local@; do spec "$r"; done
    for r in "$_c"/refs/remotes/* origin; do
      r=refs/remotes/${r##*/}
      for n in @branches@; do spec "$r/$n"; done
    done
    spec '@{upstream}' # where there is none git ends here
  } </dev/null | git -C "$d" cat-file --batch 3<&- | "$python" -I -S "${snapshot%snapshot.py}guard.py" @agent@ "$d" "$_g" "$_c" 2>&9
  exit
elif [ "${1-}" = scan ] && [ -n "$d" ]; then # outside every work tree: the payload may name files inside one
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX
  export GIT_OPTIONAL_LOCKS=0 LC_ALL=C
  # Side by side: what is dirty, what is untracked, and the reading of both. One git for both would look at one after the other.
  scan() {
    exec 3<&0
    git -C "$1" -c core.fsmonitor=false ls-files -z -o --exclude-standard </dev/null | {
      exec 4<&0
      git -C "$1" -c core.fsmonitor=false status --porcelain=v2 --branch --no-ahead-behind -z --no-renames -uno --ignore-submodules=all \
        </dev/null | "$python" -I -S "$snapshot" @agent@ "$inbox" "$1" @names@
    }
  }
  # A command may change what submodules hold, too: each is a work tree of its own.
  scan_below() {
    printf '%s' "$payload" | scan "$1"
    [ -f "$1/.gitmodules" ] || return
    git -C "$1" -c core.fsmonitor=false -c core.quotePath=false ls-files --stage | sed -n 's/^160000 [0-9a-f]* 0	//p' |
      while IFS= read -r sub; do [ -e "$1/$sub/.git" ] && [ ! -L "$1/$sub" ] && scan_below "$1/$sub" </dev/null; done
  }
  [ -f "$d/.gitmodules" ] || { scan "$d"; exit 0; }
  payload=$(cat)
  scan_below "$d"
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

# From a git folder, or the file in `_t` that names one, in `_g` to the git folder and the shared one in `_c`. Variables of the git hooks
# begin with `_`: a name that the environment has, too, would be changed for the hook that is called.
_PLACE: Final = r"""[ -f "$_g" ] && read -r _ _g <"$_g"
case $_g in /*) ;; *) _g=$_t/$_g ;; esac
_c=$_g
if [ -f "$_g/commondir" ]; then
  read -r _c <"$_g/commondir"
  case $_c in /*) ;; *) _c=$_g/$_c ;; esac
fi"""

_HERE: Final = r"""_t=$PWD _g=${GIT_DIR:-.git}
@place@
[ -z "${GIT_COMMON_DIR-}" ] || _c=$GIT_COMMON_DIR
_chained=@chained@
[ "$_chained" -ef "$0" ] && _chained="""

# What git says itself about a hook that is not executable.
_ADVISE: Final = r"""[ -f "$_chained" ] && git -c core.hooksPath="${_chained%/*}" hook run --ignore-missing @hook@ </dev/null"""

_CALL: Final = r"""#!/bin/sh
@signature@
# Calls the repository's own @hook@, as git does where no core.hooksPath is set.
@here@
[ -x "$_chained" ] && exec "$_chained" "$@"
@advise@
exit 0
"""

# A hook of the clone itself that is Byline's, too, does all that is to be done.
_YIELD: Final = r"""
if [ -x "$_chained" ]; then
  _s=
  { read -r _; read -r _s; } 2>/dev/null <"$_chained"
  case $_s in '@signed@'*) exec "$_chained" "$@" ;; esac
else
  @advise@
fi"""

_GIT: Final = r"""#!/bin/sh
@signature@
# Notes that @hook@ ran, starts the attester in the background, and runs the hook that was here before.
@here@@yield@
_b=$_c/byline
@input@
byline_head() {
  _h=
  read -r _h <"$_g/HEAD"
  case $_h in 'ref: '*) ;; *) return ;; esac
  _r=${_h#ref: } _h=
  if [ -f "$_g/$_r" ]; then read -r _h <"$_g/$_r"
  elif [ -f "$_c/$_r" ]; then read -r _h <"$_c/$_r"
  elif [ -d "$_c/reftable" ]; then _h=$(git rev-parse --verify -q HEAD)
  else
    while read -r _o _name; do
      [ "$_name" = "$_r" ] && _h=$_o && break
    done <"$_c/packed-refs"
  fi
}
byline_mark() {
  byline_head
  _p=
  for _name in MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD REBASE_HEAD; do
    # A rebase that ends with --skip leaves its head behind.
    [ $_name != REBASE_HEAD ] || [ -d "$_g/rebase-merge" ] || [ -d "$_g/rebase-apply" ] || continue
    [ -f "$_g/$_name" ] && while read -r _o _; do _p="$_p$_o "; done <"$_g/$_name"
  done
  _a=@variables@
  _u=
  [ -x "$_chained" ] && _u=$(umask)
  umask 077
  [ -d "$_b/marks" ] || mkdir "$_b/marks"
  set -C
  _n=0
  _m=$_b/marks/mark.@hook@.$$
  until [ "$_n" -gt 99 ] || {
    [ ! -e "$_m.$_n.mark" ] &&
      printf '%s\000' byline.mark/1 @hook@ "$_g" "$_h" "$_p" "$_a" "$_pairs" end >"$_m.$_n.mark"
  }; do _n=$((_n + 1)); done
  set +C
  [ -z "$_u" ] || umask "$_u"
}
byline_attest() {
  _python= _s= _q= _x=
  { IFS= read -r _python; IFS= read -r _s; } <@launcher@
  [ -x "$_python" ] && [ -f "$_s" ] || return
  # A push has evidence to send, whoever attests.
  if [ @hook@ != pre-push ] && [ -f "$_b/attester.pid" ]; then
    read -r _q <"$_b/attester.pid"
    # A number can be given to another process after a crash: where /proc tells, believe Byline only.
    if kill -0 "$_q"; then
      [ -r "/proc/$_q/cmdline" ] || return
      read -r _x <"/proc/$_q/cmdline"
      case $_x in *byline*) return ;; esac
    fi
  fi
  (
    trap '' HUP
    [ -n "${GIT_DIR-}" ] && export GIT_DIR="$_g"
    unset GIT_INDEX_FILE GIT_PREFIX GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
    exec "$_python" -I -c 'from byline_cli.attester import main; main()' attest --background@more@ </dev/null >/dev/null 2>&1
  ) </dev/null >/dev/null 2>&1 &
}
@story@
"""

# A hook without input marks first and then becomes the chained hook, whose stdin, arguments and status are so its own.
_MARK_FIRST: Final = r"""if [ -d "$_b" ]; then
  byline_mark </dev/null 2>/dev/null
  @unless@byline_attest 2>/dev/null
fi
[ -n "$_chained" ] && [ -x "$_chained" ] && exec "$_chained" "$@"
exit 0"""

# post-rewrite reads its pairs from stdin; the chained hook is given the same bytes.
_REWRITE: Final = r"""if [ -d "$_b" ]; then
  byline_mark </dev/null 2>/dev/null
  byline_attest 2>/dev/null
fi
[ -n "$_chained" ] && [ -x "$_chained" ] || exit 0
printf '%s' "$_lines" | "$_chained" "$@"
exit"""

# The chained hook may forbid the push; only then is there nothing to send.
_PUSH: Final = r"""_status=0
if [ -n "$_chained" ] && [ -x "$_chained" ]; then
  printf '%s' "$_lines" | "$_chained" "$@"
  _status=$?
fi
[ "$_status" -eq 0 ] && [ -d "$_b" ] && _remote=${1-} && byline_attest 2>/dev/null
exit "$_status" """

_INPUT: Final = r"""_pairs= _lines=
if [ -r /dev/stdin ] || [ -p /dev/stdin ]; then
  while read -r _old _new _rest; do
    _pairs="$_pairs$_old $_new "
    _lines="$_lines$_old $_new${_rest:+ $_rest}
"
  done
fi 2>/dev/null"""

# In the middle of a rebase each pick would start an attester; post-rewrite ends the rebase and starts one.
_UNLESS_REBASING: Final = r'[ -d "$_g/rebase-merge" ] || [ -d "$_g/rebase-apply" ] || '


def agent_stub(agent: str, *, launcher: str | Path) -> str:
    """Return the script that `agent` runs as its hook: POSIX shell, which finds Python in the file `launcher`."""
    variables = " ".join([*(f'"{name}=${{{name}-}}"' for name in SPOOLED_VARIABLES), '"top=$d"', '"gitdir=$_g"'])
    return _render(
        _AGENT,
        agent=shlex.quote(agent),
        place=indent(_PLACE, "  "),
        most=str(MAX_WAITING),
        full=FULL,
        launcher=shlex.quote(str(launcher)),
        variables=variables,
        names=" ".join(SPOOLED_VARIABLES),
        signature=SIGNATURE,
        branches=" ".join(REMOTE_BRANCHES),
        local=" ".join(LOCAL),
    )


def git_hook_stub(hook: str, *, launcher: str | Path, chained: str | Path | None = None) -> str:
    """Return the script that stands as git's `hook`, one of `GIT_HOOKS`, in one clone.

    `chained` is the hook that was there before. It keeps its arguments, input and exit status. Named `<hook>.byline-chained` it is
    looked for beside this one, so that a repository can be moved.
    """
    before = str(chained or "")
    if before.endswith(f"/{hook}{CHAINED}"):
        before = hook + CHAINED
    beside = '"${0%/*}"/' if before and not before.startswith("/") else ""
    return _git_stub(hook, launcher, signature=SIGNATURE, chained=beside + shlex.quote(before))


def user_hook_stub(hook: str, *, launcher: str | Path, former: str | Path | None = None) -> str:
    """Return the script that stands as git's `hook`, one of `USER_HOOKS`, for all repositories of a user.

    It calls the hook that git would call without it: the one in the folder `former`, which was the user's `core.hooksPath`, else
    the repository's own.
    """
    chained = f'"$_c"/hooks/{hook}' if former is None else shlex.quote(f"{former}/{hook}")
    if hook in GIT_HOOKS:
        return _git_stub(hook, launcher, signature=USER_SIGNATURE, chained=chained, yields=_YIELD)
    return _render(_CALL, here=_HERE, advise=_ADVISE, place=_PLACE, chained=chained, hook=hook, signature=USER_SIGNATURE)


def _git_stub(hook: str, launcher: str | Path, *, signature: str, chained: str, yields: str = "") -> str:
    story = {"post-rewrite": _REWRITE, "pre-push": _PUSH}.get(hook, _MARK_FIRST)
    values = {
        "here": _HERE,
        "yield": yields,
        "advise": _ADVISE,
        "story": story,
        "input": _INPUT if hook in ("post-rewrite", "pre-push") else "_pairs=",
        "unless": _UNLESS_REBASING if hook == "post-commit" else "",
        "more": ' --push="$_remote"' if hook == "pre-push" else "",
        "place": _PLACE,
        "chained": chained,
        "hook": hook,
        "launcher": shlex.quote(str(launcher)),
        "variables": '"' + "".join(f"${{{name}:+{name} }}" for name in AGENT_VARIABLES) + '"',
        "signature": signature,
        "signed": SIGNED,
    }
    return _render(_GIT, **values)


def _render(text: str, **values: str) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
