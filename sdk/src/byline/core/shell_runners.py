# SPDX-License-Identifier: Apache-2.0
r"""Programs that run what follows them, and options and variables that hold a line for a shell.

A *runner* is a program, perhaps with words after it (`docker compose exec`), then options, operands that are no command (a container,
a number of seconds), and then the command. Which options take a value has to be known; one that is not listed takes none.

>>> [word.text for word in run_words("docker", tuple(map(Word.of, "-H h exec -it -u root db terraform destroy".split()))) or ()]
['terraform', 'destroy']
"""

from __future__ import annotations

from byline.core.shell_words import Word, option_values, without_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

_DOCKER_RUN: Final = (
    "-a -c -e -h -l -m -p -u -v -w --add-host --annotation --attach --blkio-weight --cap-add --cap-drop --cgroup-parent --cgroupns "
    "--cidfile --cpus --cpu-shares --cpuset-cpus --device --dns --entrypoint --env --env-file --expose --gpus --group-add "
    "--hostname --init-path --ip --ipc --isolation --label --label-file --link --log-driver --log-opt --mac-address --memory "
    "--memory-swap --mount --name --net --network --network-alias --pid --pids-limit --platform --pod --publish --pull --restart "
    "--runtime --secret --security-opt --shm-size --stop-signal --stop-timeout --storage-opt --sysctl --tmpfs --ulimit --user "
    "--userns --uts --volume --volume-driver --volumes-from --workdir"
)
_DOCKER_EXEC: Final = "-e -u -w --env --env-file --user --workdir --detach-keys"
_COMPOSE: Final = (
    "-e -l -p -u -v -w --cap-add --cap-drop --entrypoint --env --env-from-file --index --label --name --publish --user --volume --workdir"
)
_UV: Final = (
    "-p -w -i -f --python --with --with-editable --with-requirements --from --extra --group --no-group --only-group --env-file --directory "
    "--project --package --index --index-url --default-index --extra-index-url --find-links --constraints --overrides --cache-dir --color"
)
_NPM: Final = "-c --call -p -w --package --workspace --prefix --loglevel --registry --userconfig --cache"
_PNPM: Final = "-C -F --dir --filter --package --reporter --loglevel"
# Per program: the words after it, the options that take a value, and how many operands come before the command.
_RUNNERS: Final = {
    **dict.fromkeys(
        ("setpriv", "nohup", "setsid", "prlimit", "unbuffer", "chronic", "valgrind", "command", "builtin", "busybox", "toybox", "entr"),
        (("", "", 0),),
    ),
    **dict.fromkeys(("gosu", "chrt", "taskset", "chroot"), (("", "", 1),)),
    **dict.fromkeys(("poetry", "pipenv", "rye", "hatch"), (("run", "", 0),)),
    **dict.fromkeys(("bundle", "rbenv", "pyenv", "asdf"), (("exec", "", 0),)),
    "sudo": (
        ("", "-u -g -h -p -C -T -r -t -D -R -U --user --group --host --prompt --chdir --chroot --close-from --role --type --other-user", 0),
    ),
    "doas": (("", "-u -C", 0),),
    "pkexec": (("", "--user", 0),),
    "env": (("", "-u -C --unset --chdir", 0),),
    "nice": (("", "-n --adjustment", 0),),
    "ionice": (("", "-c -n -p --class --classdata", 0),),
    "cpulimit": (("", "-l --limit", 0),),
    "timeout": (("", "-s -k --signal --kill-after", 1),),
    "time": (("", "-f -o --format --output", 0),),
    "stdbuf": (("", "-i -o -e --input --output --error", 0),),
    "caffeinate": (("", "-t -w", 0),),
    "strace": (("", "-o -e -p -s -u -E -P", 0),),
    "ltrace": (("", "-o -e -p -s -u -n", 0),),
    "perf": (("record", "-o -e -F -p -C -c", 0), ("stat", "-o -e -p -C -r -I", 0)),
    "unshare": (("", "-S -G -R -w --root --wd", 0),),
    "nsenter": (("", "-t -S -G --target", 0),),
    "fakeroot": (("", "-l -s -i -b", 0),),
    "xvfb-run": (("", "-n -s -e -f -w -p --server-num --server-args --error-file --auth-file", 0),),
    "systemd-run": (("", "-p -u -M -H -E --unit --property --uid --gid --setenv --slice --working-directory", 0),),
    "flock": (("", "-w -E --wait --timeout", 1),),
    "exec": (("", "-a", 0),),
    "wsl": (("", "-d -u --distribution --user --cd", 0),),
    "tini": (("", "-p -e", 0),),
    "dumb-init": (("", "-r", 0),),
    "xargs": (
        (
            "",
            "-I -n -P -L -d -E -s -a --max-args --max-procs --max-lines --max-chars --delimiter --arg-file --replace --process-slot-var",
            0,
        ),
    ),
    "npx": (("", _NPM, 0),),
    "npm": (("exec", _NPM, 0), ("x", _NPM, 0)),
    "pnpm": (("exec", _PNPM, 0), ("dlx", _PNPM, 0), ("", _PNPM, 0)),
    "yarn": (("dlx", "-p --package", 0), ("exec", "", 0), ("run", "", 0), ("", "--cwd", 0)),
    "bun": (("x", "-p --package", 0), ("run", "--cwd", 0), ("exec", "", 0), ("", "--cwd", 0)),
    "bunx": (("", "-p --package", 0),),
    "uvx": (("", _UV, 0),),
    "uv": (("run", _UV, 0), ("tool run", _UV, 0)),
    "pipx": (("run", "--spec --python --pip-args --index-url", 0),),
    "pdm": (("run", "-p --project", 0),),
    "pixi": (("run", "-e --environment --manifest-path", 0),),
    "conda": (("run", "-n -p --name --prefix --cwd", 0),),
    "volta": (("run", "--node --npm --yarn --pnpm", 0),),
    "fnm": (("exec", "--using", 0),),
    "nvm": (("exec", "", 1),),
    "direnv": (("exec", "", 1),),
    "devbox": (("run", "-c -e --config --env", 0),),
    "dotenv": (("run", "-f --file", 0), ("", "-e -f -v", 0)),
    "dotenvx": (("run", "-f --env-file -e --env", 0),),
    "op": (("run", "--env-file", 0),),
    "doppler": (("run", "-p -c -t --project --config --token", 0),),
    "infisical": (("run", "--env --path --projectId --token", 0),),
    "chamber": (("exec", "", 1),),
    "aws-vault": (("exec", "-d --duration --region --mfa-token", 1),),
    "sops": (("exec-env", "", 1), ("exec-file", "", 1)),
    "rtk": (("proxy", "", 0),),
    "docker": (
        *(("exec", _DOCKER_EXEC, 1), ("run", _DOCKER_RUN, 1), ("create", _DOCKER_RUN, 1), ("container exec", _DOCKER_EXEC, 1)),
        *(("container run", _DOCKER_RUN, 1), ("compose exec", _COMPOSE, 1), ("compose run", _COMPOSE, 1)),
    ),
    "docker-compose": (("exec", _COMPOSE, 1), ("run", _COMPOSE, 1)),
    "kubectl": (("exec", "-c -n -f --container --namespace --filename", 1), ("run", "--image -n --namespace --env", 1), ("debug", "", 1)),
    "oc": (("exec", "-c -n --container --namespace", 1), ("rsh", "-c -n --container --namespace", 1)),
    "lxc": (("exec", "--env --user --group --cwd", 1),),
    "crictl": (("exec", "", 1),),
    "multipass": (("exec", "-d", 1),),
    "limactl": (("shell", "--workdir", 1),),
    "heroku": (("run", "-a -r -s --app --remote --size", 0),),
    "railway": (("run", "-s -e --service --environment", 0),),
}
_SAME: Final = {
    **dict.fromkeys(("podman", "nerdctl"), "docker"),
    **dict.fromkeys(("mamba", "micromamba"), "conda"),
    **dict.fromkeys(("su-exec", "s6-setuidgid", "chpst"), "gosu"),
    "pnpx": "bunx",
    "incus": "lxc",
    "podman-compose": "docker-compose",
}
# What stands before `--` is something else: the tools to have, the pod.
_AFTER_DASHES: Final = ("mise exec", "mise x", "nix shell", "nix develop", "guix shell", "wait-for-it", "dockerize", "colima ssh")
_LINES: Final = {
    **dict.fromkeys(("npx", "npm"), ("-c", "--call")),
    **dict.fromkeys(("su", "runuser", "script", "sg"), ("-c", "--command")),
    **dict.fromkeys(("mise", "nix-shell", "doppler", "infisical", "gcloud", "vagrant"), ("--command", "--run")),
    **dict.fromkeys(("fly", "flyctl"), ("-C", "--command")),
    **dict.fromkeys(("mapfile", "readarray"), ("-C",)),
    **dict.fromkeys(("nodemon",), ("-x", "--exec")),
    **dict.fromkeys(("tar",), ("-I", "--to-command", "--use-compress-program")),
    **dict.fromkeys(("rsync",), ("-e", "--rsh", "--rsync-path")),
    **dict.fromkeys(("ansible",), ("-a", "--args")),
}
_LINE_VARIABLES: Final = frozenset(
    (
        *("PROMPT_COMMAND", "EDITOR", "VISUAL", "PAGER", "MANPAGER", "BROWSER", "RSYNC_RSH", "SSH_ASKPASS", "KUBE_EDITOR"),
        *("GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_PAGER", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_EXTERNAL_DIFF"),
    )
)
_EXPANDED: Final = frozenset(("BASH_ENV", "ENV", "PS0", "PS1", "PS2", "PS4"))  # a shell runs the substitutions in their values


def run_words(program: str, args: Sequence[Word]) -> tuple[Word, ...] | None:
    """Return the words of the command that `program` runs; None where it is no runner."""
    for lead in _AFTER_DASHES:
        name, *verbs = lead.split()
        if name == program and _after(args, verbs) is not None:
            ends = ("--", "-c", "--command")
            return next((tuple(args[at + 1 :]) for at, each in enumerate(args) if each.text in ends), None)
    for words, values, skipped in _RUNNERS.get(_SAME.get(program, program), ()):
        rest = _after(args, words.split())
        if rest is not None:
            rest = without_options(rest, frozenset(values.split()))
            return without_options(rest[skipped:], frozenset(values.split())) if skipped else rest
    return None


def image_words(program: str, args: Sequence[Word]) -> tuple[Word, ...]:
    """Return what a container runs whose image is a program: the image's name, and all that stands behind it; nothing for another."""
    if _SAME.get(program, program) != "docker" or (rest := _after(args, ("run",)) or _after(args, ("container", "run"))) is None:
        return ()
    image, *words = without_options(rest, frozenset(_DOCKER_RUN.split())) or (Word.of(""),)
    entry = next(option_values(rest, "--entrypoint"), None)
    name = Word.of((image.text or "").partition("@")[0].rpartition("/")[2].partition(":")[0].removesuffix("-cli"))
    return (entry or name, *words)


def has_entry_point(args: Sequence[Word]) -> bool:
    """Whether a container is told what to run its arguments with."""
    return any(each.prefix.startswith("--entrypoint") for each in args)


def _after(args: Sequence[Word], words: Sequence[str]) -> tuple[Word, ...] | None:
    """Return what follows `words`, which are the first operands; None where they are not. A word after an option may be its value."""
    if not words:
        return tuple(args)
    for at, each in enumerate(args):
        if each.text == words[0]:
            return _after(args[at + 1 :], words[1:])
        if not each.prefix.startswith("-") and not (at and args[at - 1].prefix.startswith("-")):
            break
    return None


def line_options(program: str) -> tuple[str, ...]:
    """Return the options of `program` whose value a shell runs."""
    return _LINES.get(program, ())


def assigned_line(name: str, value: Word) -> Word | None:
    """Return the line that runs because the variable `name` is `value`, one that is not known where it cannot be told."""
    if name in _LINE_VARIABLES and value.text != "":
        return value
    text = "".join(each for each in value.parts if isinstance(each, str))
    if name.startswith("GIT_CONFIG_VALUE_") and text.startswith("!"):
        return Word.of(text[1:])
    return Word.of(f': "{text}"') if name in _EXPANDED and ("$(" in text or "`" in text) else None


def assigned_lines(words: Sequence[Word]) -> Iterator[Word]:
    """Yield the lines that run because of the `NAME=value` among `words`."""
    for each in words:
        name, sign, start = each.prefix.partition("=")
        if sign and (line := assigned_line(name, Word(parts=(start, *each.parts[1:])))):
            yield line
