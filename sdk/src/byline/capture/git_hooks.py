# SPDX-License-Identifier: Apache-2.0
r"""The shell that stands as git's hooks: it marks that a hook ran, and starts the attester in the background.

    git_hook_stub("post-commit", launcher=..., chained="post-commit.byline-chained")      a clone's own hook
    user_hook_stub("pre-commit", launcher=..., former=None)      a hook of all the user's repositories, which calls the repository's own

What holds for the shell of agents (`capture.spool`) holds for this, but that it exits with the status of the hook that was there before,
and tells one thing: a person at a terminal, whose environment names a key that is not there, hears at once that the commit waits for it.

A git hook that only git could call as git does has no user-wide stub (`USER_HOOKS`): git acts otherwise where there is a
`push-to-checkout`, and would start `reference-transaction` and `post-index-change` several times a command, `git status` included.
`fsmonitor-watchman` is not looked for among the hooks. All others, those of servers and of `git p4` too, do nothing by being there.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from byline.capture.agents import AGENT_VARIABLES
from byline.capture.spool import PLACE, SIGNATURE, SIGNED, render
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
USER_SIGNATURE: Final = f"{SIGNED} `byline init --user --undo` takes it away."

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
# A file that the environment names is meant from where git was called, and a hook runs at the top of the work tree.
byline_file() {
  _f=$1
  case $_f in ''|/*) ;; '~'/*) _f=${HOME-}/${_f#??} ;; *) _f=$PWD/${GIT_PREFIX-}$_f ;; esac
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
  # Whose commit this is: an agent's to whom somebody delegated, a named key's, or the account's own.
  case ${XDG_CONFIG_HOME-} in /*) _k=$XDG_CONFIG_HOME ;; *) _k=${HOME-}/.config ;; esac
  byline_file "${BYLINE_DELEGATION-}" && _d=$_f
  byline_file "${BYLINE_KEY:-$_k/byline/key.pem}" && _k=$_f
  [ -z "$_d" ] || _k=
  if [ -z "$_d${BYLINE_KEY-}" ]; then [ -f "$_k" ] || { _k=; [ -n "${HOME-}" ] || _a="${_a}HOME "; }
  # No agent hears of it, and nobody hears it of each step of a rebase.
  elif [ ! -f "$_d$_k" ] && [ @hook@ = post-commit ] && [ -z "$_a$_p" ] && [ -t 9 ]; then
    printf '%s\n' 'byline: the key that your environment names is not there: this commit waits for it (byline status)' >&9
  fi
  _u=
  [ -x "$_chained" ] && _u=$(umask)
  umask 022 # in a folder that is private, or shared as the clone is
  [ -d "$_b/marks" ] || mkdir "$_b/marks"
  set -C
  _n=0
  _m=$_b/marks/mark.@hook@.$$
  until [ "$_n" -gt 99 ] || {
    [ ! -e "$_m.$_n.mark" ] &&
      printf '%s\000' byline.mark/1 @hook@ "$_g" "$_h" "$_p" "$_a" "$_pairs" "$_d" "$_k" end >"$_m.$_n.mark"
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
    byline_file "${BYLINE_KEY-}" && export BYLINE_KEY="$_f"
    byline_file "${BYLINE_DELEGATION-}" && export BYLINE_DELEGATION="$_f"
    byline_file "${BYLINE_LEDGERS-}" && export BYLINE_LEDGERS="$_f"
    unset GIT_INDEX_FILE GIT_PREFIX GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
    exec "$_python" -I -c 'from byline_cli.attester import main; main()' attest --background@more@ </dev/null >/dev/null 2>&1
  ) </dev/null >/dev/null 2>&1 &
}
@story@
"""

# A hook without input marks first and then becomes the chained hook, whose stdin, arguments and status are so its own.
_MARK_FIRST: Final = r"""if [ -d "$_b" ]; then
  byline_mark </dev/null 9>&2 2>/dev/null
  @unless@byline_attest 2>/dev/null
fi
[ -n "$_chained" ] && [ -x "$_chained" ] && exec "$_chained" "$@"
exit 0"""

# post-rewrite reads its pairs from stdin; the chained hook is given the same bytes.
_REWRITE: Final = r"""if [ -d "$_b" ]; then
  byline_mark </dev/null 9>&2 2>/dev/null
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
    return render(_CALL, here=_HERE, advise=_ADVISE, place=PLACE, chained=chained, hook=hook, signature=USER_SIGNATURE)


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
        "place": PLACE,
        "chained": chained,
        "hook": hook,
        "launcher": shlex.quote(str(launcher)),
        "variables": '"' + "".join(f"${{{name}:+{name} }}" for name in AGENT_VARIABLES) + '"',
        "signature": signature,
        "signed": SIGNED,
    }
    return render(_GIT, **values)
