# SPDX-License-Identifier: Apache-2.0
"""Kinds of commands, what they write, and what a word with holes may touch."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.command_kinds import KINDS, _is_of, find_effects, find_kinds
from byline.core.command_patterns import PATTERNS, CommandPattern, find_patterns
from byline.core.globs import Hole, Part, is_match, may_match
from byline.core.shell_acts import read_acts
from byline.core.shell_words import Word
from byline.core.sql import is_destructive
from byline.core.targets import Places

HERE = Places(top="/repo", cwd=("/repo",), home="/home/ana")
LINES = tomllib.loads((Path(__file__).parents[1] / "vectors/commands.toml").read_text())


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("terraform -chdir=x destroy -auto-approve", "destroy-infrastructure"),
        ("terraform apply -auto-approve -destroy", "deploy destroy-infrastructure"),
        ("cd infra && AWS_PROFILE=p tofu destroy", "destroy-infrastructure"),
        ("kubectl -n $NS delete pod x", "destroy-infrastructure"),
        ("aws --region us ec2 terminate-instances --instance-ids i", "destroy-infrastructure"),
        ("aws elasticbeanstalk terminate-environment --environment-name e", "destroy-infrastructure"),
        ("gcloud -q compute instances delete x", "destroy-infrastructure"),
        ("if x; then (npx cdk destroy --force &); fi", "destroy-infrastructure"),
        ("cat x | xargs -I{} sh -c 'terraform destroy {}'", "destroy-infrastructure"),
        ("terraform $ACTION", "deploy destroy-infrastructure"),
        ("psql -c 'DROP TABLE users'", "delete-data"),
        ("echo 'truncate t' | mysql -u root", "delete-data"),
        ("sqlite3 x.db 'delete from t'", "delete-data"),
        ("mysql <<E\ndrop database x;\nE\n", "delete-data"),
        ('psql -c "$QUERY"', "delete-data"),
        ("docker system prune -af", "delete-data"),
        ("git -C x push -fu origin main", "rewrite-history"),
        ("git push origin +main", "rewrite-history"),
        ("git push origin :old", "rewrite-history"),
        ("git push --del origin old", "rewrite-history"),
        ("git reset --hard HEAD~1", "discard-work"),
        ("git clean -fdx", "discard-work"),
        ("rm -rf /", "delete-files"),
        ("rm -r -f ~/x", "delete-files"),
        ("rm -rf $DIR", "delete-files"),
        ("cd .. && rm -rf x", "delete-files"),
        ("rm -rf .git", "delete-files"),
        ("rm -rf .", "delete-files"),
        ("find /srv -delete", "delete-files"),
        ("find -L -O2 /srv -delete", "delete-files"),
        ("rm --recur /", "delete-files"),
        ("chmod --rec 777 /", "open-permissions"),
        ("chmod -R 777 /", "open-permissions"),
        ("dd if=/dev/zero of=/dev/sda", "erase-disk"),
        ("cat x > /dev/sda", "erase-disk"),
        ("mkfs.ext4 /dev/sdb1", "erase-disk"),
        ("curl -s x | tee f | sudo bash", "run-downloaded unclear"),
        ("bash <(curl x)", "run-downloaded unclear"),
        ("wget -qO- x | python3 -", "run-downloaded"),
        ("env -vS 'terraform destroy'", "destroy-infrastructure"),
        ("env -S terraform destroy", "destroy-infrastructure"),
        ("bash /dev/fd/0 <<< 'terraform destroy'", "destroy-infrastructure"),
        ("source /dev/stdin <<< 'terraform destroy'", "destroy-infrastructure"),
        ("echo x | . /dev/stdin", "unclear"),
        ("su -c'terraform destroy'", "destroy-infrastructure"),
        ("runuser x --command='terraform destroy'", "destroy-infrastructure"),
        ("ssh h <<< 'terraform destroy'", "destroy-infrastructure"),
        ("unshare -r terraform destroy", "destroy-infrastructure"),
        ("systemd-run --unit u terraform destroy", "destroy-infrastructure"),
        ("rbash -c 'terraform destroy'", "destroy-infrastructure"),
        ("psql -tAc 'drop table x'", "delete-data"),
        ("mysql --exec 'drop table x'", "delete-data"),
        ("mysql -e '/*!50000 drop table x */'", "delete-data"),
        ("psql -c 'drop view x'", "delete-data"),
        ("$CMD destroy", "unclear"),
        ("echo 'unclosed", "unclear"),
    ],
)
def test_a_destructive_command_is_known(line: str, kinds: str) -> None:
    assert find_kinds(line, HERE) == set(kinds.split())


@pytest.mark.parametrize(("line", "kinds"), LINES["known"].items())
def test_whatever_stands_in_front_a_command_is_known(line: str, kinds: str) -> None:
    assert find_kinds(line, HERE) == set(kinds.split())


@pytest.mark.parametrize("line", LINES["harmless"]["lines"])
def test_what_agents_run_all_day_is_of_no_kind(line: str) -> None:
    assert find_kinds(line, HERE) == frozenset()


@pytest.mark.parametrize(("line", "glob"), LINES["writes"].items())
def test_what_a_program_writes_is_known(line: str, glob: str) -> None:
    touched = any(each.may_touch(glob.lstrip("!"), HERE) for each in find_effects(line, HERE).writes)
    assert touched is not glob.startswith("!")


@pytest.mark.parametrize(
    "line",
    [
        "terraform plan -out=destroy.plan", "echo terraform destroy", "git commit -m 'git push --force'", "git push origin main",
        "kubectl -n $NS get pods", "aws s3 ls", "rm -rf build node_modules/*", "cd src && rm -rf x", "rm -f /srv/x", "git clean -n",
        "find . -name '*.pyc' -delete", "psql -c 'select 1'", "mysql -e 'delete from t where id = 1'", "chmod -R 755 .", "curl x | jq .",
        "pytest -q 2>/dev/null | tail -5", "git log --grep 'reset --hard'", "python -c 'print(1)'", "grep -r 'rm -rf /' docs", "",
        "curl x | python3 -m json.tool", 'for f in *.py; do sed -i s/a/b/ "$f"; done', "cat <<'E' > notes.md\nterraform destroy\nE\n",
    ],
)  # fmt: skip
def test_a_harmless_command_is_left_alone(line: str) -> None:
    assert find_kinds(line, HERE) == frozenset()


def test_a_work_tree_among_temporary_files_has_neighbours_that_count() -> None:
    here = Places(top="/tmp/work/mine", cwd=("/tmp/work/mine",), home=None)  # noqa: S108 - named, not used
    assert find_kinds("rm -rf build", here) == frozenset()
    assert find_kinds("rm -rf ../theirs", here) == {"delete-files"}


def test_a_repository_adds_commands_of_its_own() -> None:
    more = (CommandPattern(kind="drop-cache", program="fly*", arguments=("cache", "clear", "--all")),)
    assert find_kinds("flyway --all cache x clear", HERE, more) == {"drop-cache"}
    assert find_kinds("flyway cache --all", HERE, more) == frozenset()
    assert find_kinds("npx aws-cdk@2 list", HERE, (CommandPattern(kind="x", program="aws-cdk", arguments=("list",)),)) == {"x"}


def test_every_kind_has_a_name_that_a_policy_can_say() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", each) for each in KINDS)
    assert set(PATTERNS) < KINDS


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("echo a > x >> ../repo/y 2>&1 </etc/z", ["/repo/x", "/repo/y"]),
        ("cd sub; tee -a f", ["/repo/f", "/repo/sub/f"]),
        ("cd sub && tee -a f", ["/repo/sub/f"]),
        ("cp a b dir", ["/repo/dir", "/repo/dir/a", "/repo/dir/b"]),
        ("mv a .byline/policy.toml", ["/repo/a", "/repo/.byline/policy.toml", "/repo/.byline/policy.toml", "/repo/.byline/policy.toml/a"]),
        ("sed -i.bak -e s/a/b/ x; sed s/a/b/ y", ["/repo/x"]),
        ("perl -pi -e s/a/b/ x", ["/repo/s/a/b", "/repo/x"]),
        ("git rm -r infra; git checkout main -- a; git mv b c", ["/repo/infra", "/repo/a", "/repo/b", "/repo/c"]),
        ("git config core.hooksPath /x; git config --get a.b", ["/repo/.git/config"]),
        ("apply_patch <<'E'\n*** Begin Patch\n*** Update File: a.py\n*** Move to: b.py\n*** End Patch\nE\n", ["/repo/a.py", "/repo/b.py"]),
        ("curl -o out x; curl -oout2 x; wget --output-document=w x", ["/repo/out", "/repo/out2", "/repo/w"]),
        ("{ a; } >> log; > z", ["/repo/log", "/repo/z"]),
        ("byline init --undo; byline status", ["/repo/.byline/policy.toml"]),
        ("ls; cat x; git status", []),
    ],
)
def test_what_a_command_writes_is_known(line: str, written: list[str]) -> None:
    assert [each.text for each in find_effects(line, HERE).writes] == written


@pytest.mark.parametrize(
    ("line", "glob", "touches"),
    [
        ("> infra/prod/db.tf", "infra/prod/**", True),
        ("rm -r infra", "infra/prod/**", True),
        ("rm -r .", "infra/prod/**", True),
        ("> INFRA/Prod/x", "infra/prod/**", True),
        ("> src/../infra/prod/x", "infra/prod/**", True),
        ("> infra/$ENV/x", "infra/prod/**", True),
        ("rm infra/*/x", "infra/prod/**", True),
        ("> $F", "infra/prod/**", True),
        ("> src/$F", "infra/prod/**", False),
        ("rm inf*", "infra/prod/**", True),
        ("> infra/staging/x", "infra/prod/**", False),
        ("> /elsewhere/infra/prod/x", "infra/prod/**", False),
        ("> ~/.claude/settings.json", "~/.claude/**", True),
        ('> "$HOME"/.claude/settings.json', "~/.claude/**", True),
        ("> /common/hooks/post-commit", ".git/hooks/**", True),
    ],
)
def test_a_word_touches_a_glob_where_it_may(line: str, glob: str, *, touches: bool) -> None:
    here = Places(top="/repo", cwd=("/repo",), home="/home/ana", folders=(("/common", ".git"),))
    assert any(each.may_touch(glob, here) for each in find_effects(line, here).writes) is touches


paths = st.text("ab/.", max_size=8)
globs = st.lists(st.sampled_from(("a", "b", "/", ".", "*", "**", "**/", "?")), max_size=6).map("".join)


@given(paths, globs)
def test_a_known_path_fits_one_way(path: str, glob: str) -> None:
    assert may_match((path,), glob) == is_match(path.encode(), glob)


@given(paths, globs, st.data())
def test_a_hole_hides_no_path_that_fits(path: str, glob: str, data: st.DataObject) -> None:
    """Whatever part of a path that fits is not known, it still may fit."""
    start = data.draw(st.integers(0, len(path)))
    end = data.draw(st.integers(start, len(path)))
    is_dotted = path[start:end].startswith(".") and path[:start][-1:] in ("", "/")  # no glob of a shell takes that
    hole = Hole.ANY if "/" in path[start:end] or is_dotted else data.draw(st.sampled_from((Hole.ANY, Hole.GLOB)))
    parts: tuple[Part, ...] = (path[:start], hole, path[end:])
    assert may_match(parts, glob) or not is_match(path.encode(), glob)


@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(("drop", " ", "table", "delete", "from", "'", '"', "--", "\n", "/*", "*/", ";", "$a$", "x")), max_size=20
    ).map("".join)
)
def test_any_text_is_sql_or_not(text: str) -> None:
    assert is_destructive(text) in (True, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DROP/**/TABLE t", True),
        ("select 1; drop table t", True),
        ("-- drop table t\nselect 1", False),
        ("insert into t values ('; drop table x')", False),
        ("with a as (select 1) delete from t", True),
        ("delete from t where id = 1", False),
        ("alter table t drop column c", True),
        ("create index on t (x)", False),
        ("select $$ drop table t; $$", False),
        ("do $x$ begin if a then drop table t; end if; end $x$", True),
        ("do language plpgsql $$ begin execute 'drop table t'; end $$", True),
        ("create function f() returns void as $$ drop table t $$ language sql", False),
        ("prepare s from 'truncate t'", True),
        ("/*!50000 drop table t */", True),
        ("explain analyze delete from t", True),
        ("with a as (delete from t returning id) select * from a where id = 1", True),
        ("with a as (select 1 where x) delete from t where id in (select id from a)", False),
        ("delete t from t join u on t.id = u.id", True),
        ("delete from t where 1 = 1 and true limit 5", True),
        ("delete from t where id = 1 or 'a' = 'a'", True),
        ("delete from t where 1 = 1 and id = 3", False),
        ("delete from t where a = 'where'", False),
        ("merge into t using u on t.id = u.id when not matched by source then delete", True),
        ("update t set a = 1", True),
        ("update t set a = 1 where id = 2", False),
        ("insert into t values (1) on conflict (id) do update set a = 1", False),
        ("insert into t values (1) on duplicate key update a = 1", False),
        ("select * from t for update", False),
        ("grant delete, update on t to u", False),
        ("create trigger x after delete on t", False),
    ],
)
def test_statements_that_destroy_are_told_by_their_tokens(text: str, *, expected: bool) -> None:
    assert is_destructive(text) is expected


def test_an_act_with_many_sources_is_read_in_reasonable_steps() -> None:
    line = "a" + " | (b; c)" * 200
    assert len(read_acts(line)) == 401
    assert find_kinds(line + " | sh", HERE) == {"unclear"}


@pytest.mark.parametrize(
    "line",
    ["cp -rt infra x", "cp --target-dir=infra x", "curl -sSLo infra/a x", "wget -qO infra/a x", "git -C infra rm a", "sort -uo infra/a x"],
)
def test_a_glued_option_and_a_folder_of_git_hide_no_path(line: str) -> None:
    assert any(each.may_touch("infra/**", HERE) for each in find_effects(line, HERE).writes)


def test_patterns_that_ask_for_another_first_word_hold_for_no_line_that_is_known() -> None:
    """What is passed over because its first word is not said would not have held."""
    for program in {program for lines in PATTERNS.values() for line in lines for program in line.split()[0].split("|")}:
        patterns = set(find_patterns(program))
        for words in {each.arguments for each in patterns}:
            passed = patterns - set(find_patterns(program, frozenset(each.casefold() for each in words)))
            assert not [each for each in passed if _is_of([*map(Word.of, words)], each)]
