"""Which paths need an approval of their own when they change."""

import pytest

from engine.protected import AGENTS, CI, GIT, HOOKS, OWN, OWNERS, kind_of

PATHS = {
    CI: """
        .github/workflows/ci.yml .github/workflows/deep/x.yaml .github/actions/setup/action.yml
        action.yml .drone.star tools/x/action.yaml .GitHub/Workflows/ci.yml .github/dependabot.yml
        .gitlab-ci.yml ci/test.gitlab-ci.yml .gitlab/ci/build.yml Jenkinsfile Jenkinsfile.release
        jobs/deploy.jenkinsfile .circleci/config.yml azure-pipelines.yml azure-pipelines-nightly.yml
        .azure-pipelines/x.yml bitbucket-pipelines.yml .travis.yml .drone.yml
        .buildkite/pipeline.yml .woodpecker.yml .woodpecker/test.yml appveyor.yml .appveyor.yml
        cloudbuild.yaml cloudbuild-prod.json buildspec.yml .teamcity/settings.kts .tekton/run.yaml
        .semaphore/semaphore.yml .cirrus.yml .forgejo/workflows/x.yml .gitea/workflows/x.yml
        .mergify.yml renovate.json .builds/x.yml .zuul.yaml zuul.d/jobs.yaml .prow/x.yaml .prow.yaml
        .bazelci/presubmit.yml .taskcluster.yml .gitpod.yml screwdriver.yaml bitrise.yml codemagic.yaml
        .shippable.yml .ci/pipeline.yml .gitlab-ci/test.yml .pipelines/x.yml .github
    """,
    OWNERS: """
        CODEOWNERS .github/CODEOWNERS docs/CODEOWNERS .gitlab/codeowners OWNERS pkg/OWNERS OWNERS_ALIASES
    """,
    AGENTS: """
        CLAUDE.md sub/dir/CLAUDE.md CLAUDE.local.md AGENTS.md a/AGENTS.md .claude/settings.json
        sub/.claude/agents/x.md .cursor/rules/x.mdc .cursorrules .windsurf/rules/a.md .windsurfrules GEMINI.md
        .github/copilot-instructions.md .github/instructions/a.instructions.md .clinerules .mcp.json .claude
        .github/prompts/x.md .codex/config.toml .claude-plugin/plugin.json .claude.json AGENT.md .agents/x.md
        .opencode/agent/x.md opencode.json QWEN.md WARP.md .rules .github/skills/x/SKILL.md skills/x/SKILL.md
    """,
    GIT: ".gitattributes sub/.gitattributes .gitmodules .gitconfig .lfsconfig",
    HOOKS: """
        .githooks/pre-commit .husky/pre-push githooks/x lefthook.yml .lefthook.toml .pre-commit-config.yaml
        sub/.pre-commit-hooks.yaml .vscode/tasks.json .devcontainer/devcontainer.json .envrc
        .huskyrc.json husky.config.js simple-git-hooks.js .git-hooks/pre-push hooks/pre-commit
        hooks/commit-msg.sh prek.toml .overcommit.yaml
    """,
}
ORDINARY = """
    README.md src/app.py .gitignore docs/workflows/ci.yml src/actions/index.ts github/workflows/x.yml
    docs/claude-notes.txt docs/agents.txt src/owners.py tests/test_action.py Makefile concourse_utils.py
    src/hooks/post-list.ts docs/owners.md app/.ci.txt src/ci/build.py skills.md
    data/render.json src/hooks/use.ts src/workflow.py reaction.yml.txt transaction.yml src/cloudbuilder.py
"""


@pytest.mark.parametrize(("kind", "path"), [(kind, p) for kind, text in PATHS.items() for p in text.split()])
def test_protected_paths(kind: str, path: str) -> None:
    assert kind_of(path) == kind


@pytest.mark.parametrize("path", ORDINARY.split())
def test_ordinary_paths(path: str) -> None:
    assert kind_of(path) == ""


def test_the_repositorys_own_additions() -> None:
    own = ("deploy/", "*.tf", "scripts/release.sh", "infra/*/main.yml")
    for path in ("deploy/a/b.sh", "x/y/z.tf", "scripts/release.sh", "infra/prod/main.yml", "Deploy/a"):
        assert kind_of(path, own) == OWN, path
    for path in ("deployment/a.sh", "scripts/release.sh.txt", "infra/main.yml"):
        assert kind_of(path, own) == "", path
    assert kind_of(".github/workflows/ci.yml", ("*",)) == CI
