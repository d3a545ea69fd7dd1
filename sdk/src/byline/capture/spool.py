# SPDX-License-Identifier: Apache-2.0
r"""The shell that is installed for agents: what their hooks run. That of git's hooks is in `capture.git_hooks`.

Agents and git wait for their hooks, so these are a few lines of POSIX shell that only secure what would be lost: a payload goes into
the inbox (two forks: `cat`, `mv`), a mark into the clone (no fork). A scan of the work tree adds git and one bare Python, side by
side. Everything else happens later, in `capture.settle` and in the attester that a git hook starts in the background.

Each text exits 0, prints nothing, and does nothing where Byline is gone: no interpreter, no folder. It can be run twice at once in one
nanosecond: names come from the process id and `O_EXCL` (`set -C`). Where Python is they read from a file that follows a Byline that
moves (`capture.launcher`).

    agent_stub("claude-code", launcher=...)      a script: `hook.sh` spools the payload on stdin, `hook.sh scan` scans, too,
                                                 `hook.sh guard` answers whether a call may be made (`capture.guard`)
"""

from __future__ import annotations

import shlex
from textwrap import indent
from typing import TYPE_CHECKING, Final

from byline.capture.agents import SPOOLED_VARIABLES
from byline.capture.inbox import FULL, MAX_WAITING
from byline.capture.second_index import SHELL
from byline.capture.snapshot import AGAIN, LARGE

if TYPE_CHECKING:
    from pathlib import Path

PROJECTS: Final = tuple(f"{agent}_PROJECT_DIR" for agent in ("CLAUDE", "CURSOR", "GEMINI", "QWEN", "FACTORY", "CONTINUE"))
SIGNED: Final = "# Installed by Byline;"
SIGNATURE: Final = f"{SIGNED} `byline init --undo` takes it away."

_AGENT: Final = r"""#!/bin/sh
@signature@
# Secures what the agent says to its hook; reads, decides and prints nothing. Called as `guard` it lets the guard answer.
umask 077
set -C
exec 9>&2 2>/dev/null
inbox=${XDG_STATE_HOME-}
case $inbox in /*) ;; *) inbox=${HOME-}/.local/state ;; esac
inbox=$inbox/byline/inbox
make_id() { read -r i </proc/sys/kernel/random/uuid || i=$(od -An -tx1 -N16 /dev/urandom | tr -d ' \n'); } # only Linux has the former
[ -d "$inbox" ] || mkdir -p "$inbox"
# Where git's hooks find no folder of Byline they stay silent; from here on the repository has one.
find_top() {
  d=$1 _g= _c=
  until [ -z "$d" ] || [ -e "$d/.git" ]; do d=${d%/*}; done
  [ -n "$d" ] || return
  _t=$d _g=$d/.git
@place@
}
find_top "$PWD"
begin() ( [ ! -g "$_c" ] || umask 007; mkdir -p "$_c/byline/marks" && make_id
  [ -z "$i" ] || printf '%s\n' "$i" >"$_c/byline/id" # noclobber: an id stays
  mkdir -m 1733 "$_c/byline.elsewhere"
  [ ! -g "$_c" ] || chmod g+r "$_c/byline.elsewhere" # who shares the clone declares under no mark
  set -- $(ls -dn "$_c") && chown -R "$3:$4" "$_c/byline" "$_c/byline.elsewhere" ) # what root makes is the owner's
[ -z "$d" ] || [ -d "$_c/byline" ] || { [ -f "$_c/HEAD" ] && begin; }
clone= i= python= snapshot=; [ -z "$d" ] || read -r clone <"$_c/byline/id"
# Who commits here may settle another inbox than this one: a mark stands until this one is settled, and tells of calls that go on.
tell_others() {
  read -r h </proc/sys/kernel/hostname || h=${HOSTNAME:--}
  t=${inbox%/*}/told/${h:--}/${clone:--} o=$_c/byline.elsewhere w=@agent@.${_g##*/}
  for i in "$t"/[!+]*".$w" ''; do
    i=${i##*/} # the last one is empty
    [ -z "$i" ] || [ ! -e "$o/$i" ] || break
  done
  if [ -z "$i" ]; then
    make_id
    i=$i.$w
    [ -d "$t" ] || mkdir -p "$t"
    { printf '%s\n' "$(cd "$t" && ls -i "$i")" "$_c"; } >"$t/$i" # on a disk that is full it is empty
    [ ! -e "$t/$i" ] || printf '' >"$o/$i" || { rm -f "$t/$i"; return; }
  fi
  # Only files that are new, and only to take away: whoever may write into a clone may have put a link there.
  case $1 in
    o) printf '' >"$t/+$i.$$" && printf '' >"$o/+$i.$$" ;;
    c) for i in "$t/+$i."*; do [ ! -e "$i" ] || rm -f "$o/${i##*/}" "$i"; break; done ;;
  esac
}
{ IFS= read -r python; IFS= read -r snapshot; } <@launcher@
# Modules and no programs: Python compiles a program each time.
start='import sys; sys.path.insert(0, sys.argv.pop(1)); __import__(sys.argv.pop(1), fromlist=["run"]).run()'
if ! { [ -x "$python" ] && [ -f "$snapshot" ]; }; then
  # A Byline that moved comes back and reads this; one that is gone for good must not fill the disk.
  set -- "$inbox"/*.spool
  [ "$#" -lt @most@ ] || { printf '' >"$inbox/@full@"; exit 0; }
elif [ "${1-}" = guard ]; then
  # The agent waits for yes or no, and where the repository has no policy it waits for this line.
  # A link that leads nowhere, or a folder that cannot be searched, does not say that there is none.
  is_there() { [ -e "$1" ] || [ -L "$1" ]; }
  is_guarded() {
    [ -n "$d" ] || return
    is_there "$d/.byline/policy.toml" || [ -e "$_c/byline/guarded" ] || { is_there "$d/.byline" && [ ! -x "$d/.byline/." ]; }
  }
  # An agent that changed its folder still works for the project that it was started in, if it tells which.
  is_guarded || { find_top "@project@" && is_guarded; } || exit 0
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX GIT_COMMON_DIR GIT_OBJECT_DIRECTORY GIT_GRAFT_FILE GIT_SHALLOW_FILE
  export GIT_OPTIONAL_LOCKS=0 GIT_NO_LAZY_FETCH=1 GIT_NO_REPLACE_OBJECTS=1 LC_ALL=C
  "$python" -I -S -c "$start" "${snapshot%/byline/*}" byline.capture.guard @agent@ "$d" "$_g" "$_c" \
    2>&9 9>&- || exit 2 # also of one that could not even start
  exit 0
elif [ "${1-}" = scan ] && [ -n "$d" ]; then # outside every work tree: the payload may name files inside one
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX
  export GIT_OPTIONAL_LOCKS=0 LC_ALL=C
  changes() {
    top=$1
    shift
    exec git -C "$top" -c core.fsmonitor=false "$@" --porcelain=v2 --branch --no-ahead-behind -z --no-renames --ignore-submodules=dirty
  }
  # A Korn shell closes what `exec` opened above 2, unless it is named again.
  tell() { exec "$python" -I -S -c "$start" "${snapshot%/*}" snapshot @agent@ "$inbox" "$1" "${2-}" @names@ 3<&3 4<&4; }
  # Side by side: what is dirty, what is untracked, and the reading of both. One git for both would look at one after the other.
  scan() {
    exec 3<&0
    if [ -z "${2-}" ]; then exec git -C "$1" -c core.fsmonitor=false ls-files -z -o --exclude-standard
    else export GIT_INDEX_FILE="$2"; known -c core.preloadIndex=false; fi </dev/null | {
      exec 4<&0
      changes "$1" status -uno </dev/null | ( tell "$@" ) # ksh93 runs the last part of a pipeline itself
    }
  }
  # To read all folders takes half as long as to look at all files.
@second_index@
  # A command may change what submodules hold, too: each is a work tree of its own.
  scan_below() {
    printf '%s' "$payload" | scan "$1"
    [ -f "$1/.gitmodules" ] || return
    git -C "$1" -c core.fsmonitor=false -c core.quotePath=false ls-files --stage | sed -n 's/^160000 [0-9a-f]* 0	//p' |
      while IFS= read -r sub; do [ -e "$1/$sub/.git" ] && [ ! -L "$1/$sub" ] && scan_below "$1/$sub" </dev/null; done
  }
  if [ -f "$d/.gitmodules" ]; then
    payload=$(cat)
    scan_below "$d"
  elif [ -r "$own" ] && [ "$own.of" -ef "$_g/index" ] && { scan_known; [ "$?" -ne @again@ ] || { rm -f "$own.of"; false; }; }; then :
  else
    said=@again@ # what cannot be removed is in no scan's way
    if [ -r "$own.still" ] && ! is_split; then scan "$d" "$own.still"; said=$?; [ "$said" -ne @again@ ] || rm -f "$own.still"; fi
    [ "$said" -ne @again@ ] || { scan "$d"; said=$?; }
    [ "$said" -ne @large@ ] || (trap '' HUP; cd / && make_known &) </dev/null >/dev/null 3<&- 9>&-
  fi
  tell_others "${2:-c}"
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
    [ -n "$taken" ] || { mv "$f.tmp" "$f.spool"; [ -z "$d" ] || tell_others ''; exit 0; }
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
PLACE: Final = r"""[ -f "$_g" ] && read -r _ _g <"$_g"
case $_g in /*) ;; *) _g=$_t/$_g ;; esac
_c=$_g
if [ -f "$_g/commondir" ]; then
  read -r _c <"$_g/commondir"
  case $_c in /*) ;; *) _c=$_g/$_c ;; esac
fi"""


def agent_stub(agent: str, *, launcher: str | Path) -> str:
    """Return the script that `agent` runs as its hook: POSIX shell, which finds Python in the file `launcher`."""
    variables = " ".join([*(f'"{name}=${{{name}-}}"' for name in SPOOLED_VARIABLES), '"top=$d"', '"gitdir=$_g"', '"clone=$clone"'])
    return render(
        _AGENT,
        agent=shlex.quote(agent),
        place=indent(PLACE, "  "),
        most=str(MAX_WAITING),
        full=FULL,
        second_index=indent(SHELL.strip(), "  "),
        again=str(AGAIN),
        large=str(LARGE),
        launcher=shlex.quote(str(launcher)),
        variables=variables,
        names=" ".join(SPOOLED_VARIABLES),
        signature=SIGNATURE,
        project="".join(f"${{{name}:-" for name in PROJECTS) + "}" * len(PROJECTS),
    )


def render(text: str, **values: str) -> str:
    """Return `text` with each `@name@` of `values` in it."""
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
