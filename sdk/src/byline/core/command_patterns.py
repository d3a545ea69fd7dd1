# SPDX-License-Identifier: Apache-2.0
r"""The commands that Byline knows of each kind. docs/kinds.md has the same by program.

A line is a program (`|`: or another) and words of its arguments. In kinds of `FIRST` the first word has to be the program's first operand,
and a command that only tries (`--dry-run`) or helps (`--help`) is none. `*` among the words is a command behind which the next word has to
come at once, `**` one behind which others may.

>>> [pattern.arguments for pattern in find_patterns("helmfile")]
[('destroy',), ('apply',), ('sync',)]
"""

from __future__ import annotations

from byline.core.value import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

PATTERNS: Final = {
    "destroy-infrastructure": (
        *("terraform|tofu|terragrunt|pulumi|cdk|cdktf|helmfile|fly|flyctl|vagrant destroy", "terraform|tofu|terragrunt apply -destroy"),
        *(
            "terraform|tofu|terragrunt workspace delete",
            "terraform|tofu|terragrunt state rm",
            "terragrunt ** destroy",
            "terragrunt ** apply -destroy",
            "terragrunt ** state rm",
        ),
        *("pulumi down", "pulumi stack rm", "fly|flyctl ** destroy", "kubectl|oc|helm|eksctl|kops|sam|amplify|minikube delete"),
        *(
            "kind|k3d|ctlptl delete",
            "eksctl anywhere delete",
            "k3d|minikube * delete",
            "helm uninstall",
            "helm del",
            "helm un",
            "helmfile delete",
            "argocd ** delete",
        ),
        *("flux uninstall", "flux delete", "az|doctl|gcloud|copilot|ibmcloud|linode-cli|hcloud|scw|vultr-cli|civo|oci|openstack ** delete"),
        *(
            "supabase|neonctl|neon|pscale|atlas|confluent|wrangler|railway ** delete",
            "wrangler delete",
            "railway delete",
            "railway down",
        ),
        *("scw|oci ** terminate", "aws * delete-*", "aws * terminate-*", "aws * schedule-key-deletion", "aws * purge-queue", "aws s3 rb"),
        *("aws s3 rm --recursive", "aws s3 sync --delete", "az ** delete-*", "az ** purge", "gcloud ** storage rm", "gcloud storage rm"),
        *("gcloud storage rsync --delete-unmatched-destination-objects", "gsutil rb", "gsutil rm -r", "gsutil rsync -d"),
        *("rclone delete", "rclone purge", "rclone sync", "s3cmd del", "s3cmd rb", "s3cmd sync --delete-removed", "s5cmd rm", "mc rb"),
        *("mc rm --recursive", "mc rm -r", "azcopy remove", "eb terminate", "serverless|sls|sst remove", "vercel remove", "vercel rm"),
        *("vercel ** rm", "vercel ** remove", "netlify sites:delete", "firebase *:delete", "heroku *:destroy", "heroku destroy"),
        *("heroku apps:delete", "heroku pg:reset", "nomad job stop -purge", "nomad stop -purge", "docker stack rm", "docker service rm"),
        *(
            "juju destroy-*",
            "cf delete*",
            "virsh destroy",
            "virsh undefine",
            "consul kv delete -recurse",
            "vault ** delete",
            "vault delete",
        ),
        *(
            "gh|glab repo delete",
            "gh secret delete",
            "gh variable delete",
            "gh environment delete",
            "gh api DELETE",
            "gh|glab api ?xDELETE",
            "gh|glab api ?x=DELETE",
            "gh|glab api ?-method=DELETE",
            "glab api DELETE",
        ),
    ),
    "delete-data": (
        *("docker|podman|nerdctl volume rm", "docker|podman|nerdctl volume prune", "docker|podman|nerdctl system prune"),
        *("docker|podman|nerdctl compose down -v", "docker|podman|nerdctl compose down --volumes", "docker-compose down -v"),
        *("docker-compose down --volumes", "dropdb", "dropuser", "mysqladmin drop", "redis-cli flush*", "rails|rake db:drop*"),
        *("rails|rake db:reset*", "rails|rake db:purge*", "rails|rake db:truncate_all", "rails|rake db:migrate:reset", "mix ecto.drop"),
        *("mix ecto.reset", "artisan db:wipe", "artisan migrate:fresh", "artisan migrate:reset", "artisan migrate:refresh"),
        *("manage.py|django-admin flush", "manage.py|django-admin reset_db", "console doctrine:*:drop", "prisma migrate reset"),
        *("prisma db push --force-reset", "supabase db reset", "turso db destroy", "drizzle-kit drop", "sequelize|sequelize-cli db:drop"),
        *(
            "typeorm schema:drop",
            "flyway clean",
            "mvn *flyway:clean",
            "gradle|gradlew flywayclean",
            "liquibase drop-all",
            "liquibase dropall",
        ),
        *("goose reset", "migrate drop", "dbmate drop", "sqlx database drop", "sqlx database reset", "diesel database reset", "bq rm"),
        *(
            "mongosh|mongo *.drop*(*",
            "mongosh|mongo *command(*drop*",
            "mongosh|mongo *.deletemany({})*",
            "mongosh|mongo *.remove({})*",
            "pg_restore --clean",
            "pg_restore -c",
        ),
        *("rabbitmqctl reset", "rabbitmqctl delete_*", "etcdctl del", "influx bucket delete", "kafka-topics|kafka-topics.sh --delete"),
    ),
    "rewrite-history": (
        *("git push --force", "git push --force-with-lease", "git push -f", "git push +*", "git push --delete", "git push -d"),
        *("git push :?*", "git push --mirror", "git push --prune", "git filter-branch", "git filter-repo", "git update-ref -d"),
        "git reflog expire",
    ),
    "discard-work": (
        *("git reset --hard", "git reset --merge", "git clean -f", "git clean --force", "git checkout -f", "git checkout --force"),
        *("git checkout -B", "git switch -f", "git switch --force", "git switch --discard-changes", "git switch -C"),
        *("git switch --force-create", "git branch -D", "git branch -f", "git branch --force", "git branch -M", "git branch -C"),
        *("git stash drop", "git stash clear", "git worktree remove -f", "git worktree remove --force", "git gc --prune=now"),
        *(
            "git gc --prune=all",
            "git prune",
            "git submodule deinit -f",
            "git submodule deinit --force",
            "git read-tree --reset",
            "git checkout-index -f",
            "git checkout-index --force",
        ),
    ),
    "erase-disk": (
        *("mkfs*|wipefs|blkdiscard|shred|srm|mkswap", "diskutil erase*", "diskutil partitiondisk", "zpool|zfs destroy"),
        *("lvremove|vgremove|pvremove", "sgdisk --zap-all", "sgdisk -Z", "cryptsetup luksformat", "cryptsetup erase", "nvme format"),
    ),
    "publish": (
        *("npm|pnpm|yarn|bun|lerna|cargo|uv|poetry|flit|hatch|pdm|rye|jsr|deno|vsce|ovsx|changeset publish", "npm|pnpm unpublish"),
        *("npm|pnpm deprecate", "npm|pnpm dist-tag add", "cargo yank", "twine upload", "gem push", "gem yank", "mix hex.publish"),
        *("docker|podman|nerdctl push", "docker|podman|nerdctl image push", "docker|podman|nerdctl manifest push", "docker-compose push"),
        *("docker|podman|nerdctl compose push", "docker|podman|nerdctl build --push", "docker buildx build --push", "buildah push"),
        *(
            "skopeo copy",
            "skopeo sync",
            "crane push",
            "crane copy",
            "oras push",
            "helm push",
            "mvn deploy",
            "gradle|gradlew publish",
            "gradle|gradlew *:publish",
            "gradle|gradlew publishall*",
        ),
        *("dotnet nuget push", "nuget push", "pod trunk push", "anaconda upload", "snapcraft upload", "semantic-release", "release-it"),
        *("goreleaser release", "eas submit", "gh|glab release create", "gh|glab release upload", "gh|glab release edit"),
        *("gh|glab release delete", "git push --tags", "git push --follow-tags"),
    ),
    "deploy": (
        *("terraform|tofu|terragrunt apply", "terragrunt run-all apply", "pulumi up", "pulumi update", "cdk|cdktf|sam|eb deploy"),
        *("copilot * deploy", "serverless|sls|sst deploy", "kubectl|oc apply", "kubectl|oc create", "kubectl|oc replace"),
        *("kubectl|oc patch", "kubectl|oc edit", "kubectl|oc set", "kubectl|oc scale", "kubectl|oc autoscale", "kubectl|oc drain"),
        *("kubectl|oc rollout restart", "kubectl|oc rollout undo", "helm install", "helm upgrade", "helm rollback", "helmfile apply"),
        *("helmfile sync", "argocd app sync", "argocd app rollback", "flux reconcile", "skaffold run", "skaffold deploy", "werf converge"),
        *("eksctl create", "eksctl upgrade", "kops update", "kops rolling-update", "aws cloudformation deploy"),
        *("aws cloudformation create-stack", "aws cloudformation update-stack", "aws cloudformation execute-change-set"),
        *("aws deploy create-deployment", "aws ecs update-service", "aws ecs run-task", "aws lambda update-function-*"),
        *("aws elasticbeanstalk update-environment", "gcloud ** deploy", "gcloud deploy", "gcloud builds submit", "az webapp up"),
        *("az webapp deploy*", "az functionapp deploy*", "az containerapp up", "az containerapp update", "az deployment * create"),
        *("fly|flyctl|netlify|firebase|wrangler|modal|kamal deploy", "wrangler publish", "wrangler pages deploy", "vercel deploy"),
        *("vercel --prod", "heroku container:release", "heroku releases:rollback", "heroku pipelines:promote", "railway up"),
        *("doctl apps create-deployment", "doctl apps update", "nomad job run", "nomad run", "docker stack deploy"),
        *("docker service update", "docker service create", "kamal rollback", "kamal redeploy", "cap * deploy", "ansible-playbook"),
        *("puppet apply", "cf push", "juju deploy", "amplify push", "amplify publish", "supabase db push", "supabase functions deploy"),
        *("prisma migrate deploy", "git push heroku", "git push dokku"),
    ),
}
FIRST: Final = frozenset(("destroy-infrastructure", "rewrite-history", "discard-work", "publish", "deploy"))
# With which option a program only tries. Some (yarn, amplify) pass over options that they do not know.
TRIES: Final = {
    **dict.fromkeys(
        ("npm", "pnpm", "bun", "deno", "cargo", "uv", "poetry", "gradle", "gradlew", "semantic-release", "release-it"), ("--dry-run",)
    ),
    **dict.fromkeys(("helm", "kubectl", "oc", "argocd", "wrangler"), ("--dry-run",)),
    **dict.fromkeys(("terraform", "tofu"), ("-help",)),
    **dict.fromkeys(("git", "rclone", "s3cmd"), ("--dry-run", "-n")),
    "aws": ("--dryrun", "--dry-run"),
    "pulumi": ("--preview-only",),
    "ansible-playbook": ("--check", "--syntax-check", "--list-tasks"),
    "puppet": ("--noop",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPattern:
    """A command of the kind `kind`. `is_first` says that the first word is the program's first operand."""

    kind: str
    program: str
    arguments: tuple[str, ...] = ()
    is_first: bool = False


def find_patterns(name: str, said: frozenset[str] | None = None) -> Iterator[CommandPattern]:
    """Yield the patterns of the program `name`; where `said` are all the words behind it, without those that ask for another first word."""
    for kind, lines in PATTERNS.items():
        for line in lines:
            if name not in line and not name.startswith("mkfs"):
                continue  # most of them: an agent waits
            programs, *arguments = line.split()
            if said is not None and arguments and arguments[0].isalpha() and arguments[0].casefold() not in said:
                continue
            if name in programs.split("|") or (line.startswith("mkfs*") and name.startswith("mkfs")):
                yield CommandPattern(kind=kind, program=name, arguments=tuple(arguments), is_first=kind in FIRST)
