# SPDX-License-Identifier: Apache-2.0
# No pathlib and no re: what an agent waits for imports neither.
# ruff: noqa: PTH112, PTH113, PTH118, PTH120, PTH123, PTH208
r"""Which policies count for agents, and what git is asked for them.

Those that others see, never that of the work tree, which an agent edits:

1. of the remote-tracking branch of the current branch, and of the branches `HEAD`, `main` and `master` of every remote that is tracked;
2. where no remote is tracked, of the local branches `main` and `master` and of the commit that is checked out.

`git cat-file --batch` is asked for `SPECS` of each revision, those of 2 first: whether there is such a commit, and where it has no policy,
whether that is so or this clone has not all of it (a partial clone). What cannot be told is an error: who asks then says no.

>>> format_questions(("refs/heads/main",)).decode().split()
['refs/heads/main^{commit}', 'refs/heads/main:', 'refs/heads/main:.byline', 'refs/heads/main:.byline/policy.toml']
>>> [*parse_batch(b"refs/heads/main missing\n" + b"1" * 40 + b" blob 3\nx\ny\n")]
[None, b'x\ny']
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

REMOTE_BRANCHES: Final = ("HEAD", "main", "master")
LOCAL: Final = ("refs/heads/main", "refs/heads/master", "HEAD")
POLICY: Final = ".byline/policy.toml"
SPECS: Final = ("^{commit}", ":", ":.byline", f":{POLICY}")  # after the name of a revision
UPSTREAM: Final = "@{upstream}"  # the last question: where there is none git ends here
_REMOTE: Final = b'[remote "'


def policy_revisions(common_dir: str) -> tuple[str, ...]:
    """Return the revisions of a clone whose policies may count. Its git folder is `common_dir`.

    Raises:
        OSError: It cannot be read, or a remote's name would be two questions.
    """
    names = {"origin"}
    remotes = os.path.join(common_dir, "refs/remotes")
    if os.path.isdir(remotes):
        names.update(os.listdir(remotes))
    # Branches that were packed leave no folder behind.
    with open(os.path.join(common_dir, "config"), "rb") as file:
        lines = [line.strip() for line in file]
    names.update(os.fsdecode(line[len(_REMOTE) :].partition(b'"')[0]) for line in lines if line.lower().startswith(_REMOTE))
    if any("\n" in name for name in names):
        raise OSError("a remote whose name has two lines")
    return (*LOCAL, *(f"refs/remotes/{name}/{branch}" for name in sorted(names) for branch in REMOTE_BRANCHES), UPSTREAM)


def format_questions(revisions: Sequence[str]) -> bytes:
    """Return what `git cat-file --batch` is asked about `revisions`."""
    return os.fsencode("".join(f"{revision}{spec}\n" for revision in revisions for spec in SPECS))


def parse_batch(output: bytes) -> Iterator[bytes | None]:
    """Yield the content of each object that `git cat-file --batch` was asked for, None for one that is not there.

    Raises:
        ValueError: It was cut off.
    """
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        words = output[at:end].rsplit(b" ", 2)
        at = end + 1
        if len(words) == 3 and words[2].isdigit() and words[1] in (b"blob", b"commit", b"tree", b"tag"):
            size = int(words[2])
            if at + size >= len(output):
                raise ValueError("an object that was cut off")
            yield output[at : at + size]
            at += size + 1
        else:
            yield None


def base_policies(output: bytes) -> list[bytes]:
    """Return the different policies that count, of what git said about the revisions.

    Raises:
        ValueError: Git did not answer for all of them.
    """
    return [*dict.fromkeys(policy for _, policy in counting_policies(output))]


def counting_policies(output: bytes) -> list[tuple[int, bytes]]:
    """Return the policies that count, each with the number of the revision that has it, of what git said about the revisions.

    Raises:
        ValueError: As `base_policies`.
    """
    answers = [*parse_batch(output)]
    revisions = [answers[at : at + len(SPECS)] for at in range(0, len(answers), len(SPECS))]
    if len(revisions) < len((*LOCAL, *REMOTE_BRANCHES)) or len(answers) % len(SPECS):
        raise ValueError("git did not answer")
    for numbers in (range(len(LOCAL), len(revisions)), range(len(LOCAL))):
        if any(revisions[number][0] is not None for number in numbers):
            return [(number, policy) for number in numbers if (policy := _policy(*revisions[number])) is not None]
    return []


def has_place(top: str) -> bool:
    """Whether there is a policy in the work tree at `top`, or no telling: what stands there is no file, and its folder none to search."""
    return os.path.lexists(os.path.join(top, POLICY)) or not _is_searched(top)


def check_place(top: str) -> None:
    """Check that the policy of the work tree at `top` is a file, or that there is none: a link that leads nowhere does not say so.

    Raises:
        PolicyError: There is something else, or no telling.
    """
    policy = os.path.join(top, POLICY)
    if not _is_searched(top) or (os.path.lexists(policy) and not os.path.isfile(policy)):
        from byline.malformed import PolicyError

        raise PolicyError(f"{POLICY} is not a file that can be read", hint=f"git restore {POLICY}")


def _is_searched(top: str) -> bool:
    folder = os.path.join(top, os.path.dirname(POLICY))
    return not os.path.lexists(folder) or os.access(os.path.join(folder, "."), os.X_OK)


def _policy(commit: bytes | None, tree: bytes | None, folder: bytes | None, policy: bytes | None) -> bytes | None:
    """Return the policy of a revision; None where it surely has none: a clone need not have all that its commits have."""
    if commit is None or policy is not None:
        return policy
    is_folder = tree is not None and b"40000 .byline\0" in tree
    if tree is None or (b" .byline\0" in tree and not is_folder) or (is_folder and (folder is None or b" policy.toml\0" in folder)):
        raise ValueError("a policy that is not here")
    return None
