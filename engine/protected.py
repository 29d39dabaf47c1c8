"""Paths whose change is more than a change: what runs after a push, who reviews, what agents obey. Pure.

In doubt a path counts. Letter case is ignored: some forges and file systems do so too.
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

CI = "what runs after a push"
OWNERS = "who has to review"
AGENTS = "what agents are told"
GIT = "how git treats files"
HOOKS = "what runs on developers' machines"
OWN = "protected by the configuration"

_AGENT_DIRECTORIES = (
    r"\.claude[^/]*|\.cursor|\.windsurf|\.codex|\.gemini|\.qwen|\.aider|\.continue|\.roo|\.clinerules|\.junie|"
    r"\.kiro|\.amazonq|\.augment|\.agents?|\.opencode|\.trae|\.zed|"
    r"\.github/(?:instructions|prompts|chatmodes|agents|skills|copilot)"
)
_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (OWNERS, r"(?:.*/)?(?:codeowners|owners(?:_aliases)?)|\.bitbucket/.*"),
        (
            AGENTS,
            rf"(?:.*/)?(?:(?:{_AGENT_DIRECTORIES})(?:/.*)?|(?:claude|agents?|gemini|qwen|warp|codex|copilot)(?:\.[^/]*)?\.md|"
            r"copilot-instructions\.md|[^/]*\.instructions\.md|\.cursorrules|\.windsurfrules|\.clinerules|\.rules|"
            r"\.goosehints|\.aider[^/]*|\.mcp\.json|mcp\.json|opencode\.jsonc?|skill\.md|\.coderabbit\.ya?ml|\.cursorignore|llms\.txt)",
        ),
        (GIT, r"(?:.*/)?(?:\.gitattributes|\.gitmodules|\.gitconfig|\.lfsconfig)"),
        (
            HOOKS,
            r"(?:.*/)?(?:\.?git-?hooks(?:/.*)?|\.hooks/.*|\.husky(?:/.*)?|\.huskyrc[^/]*|husky\.config\.[^/]*|"
            r"hooks/(?:pre-(?:commit|push|rebase|receive|merge-commit)|post-(?:commit|checkout|merge|rewrite|receive)|"
            r"(?:prepare-)?commit-msg|applypatch-msg)(?:\.[^/]*)?|"
            r"\.?simple-git-hooks\.[^/]*|prek\.toml|\.?lefthook(?:-local)?(?:\.[^/]*)?|"
            r"\.lefthook(?:-local)?(?:/.*)?|\.pre-commit-(?:config|hooks)\.ya?ml|\.overcommit\.ya?ml|"
            r"\.vscode(?:/.*)?|\.devcontainer(?:/.*)?|\.devcontainer\.json|\.envrc)",
        ),
        (
            CI,
            r"\.(?:github|gitea|forgejo)(?:/(?:workflows|actions)(?:/.*)?)?|(?:.*/)?action\.ya?ml|"
            r"\.github/(?:dependabot|settings|release|mergify|labeler|renovate)[^/]*|"
            r"(?:.*/)?(?:[^/]*\.)?gitlab-ci[^/]*\.ya?ml|\.gitlab(?:/.*)?|"
            r"(?:.*/)?(?:[^/]*\.)?jenkinsfile[^/]*|(?:.*/)?\.jenkins(?:/.*)?|(?:.*/)?\.circleci(?:/.*)?|"
            r"(?:.*/)?azure-pipelines?[^/]*|\.azure-?(?:pipelines|devops)(?:/.*)?|(?:.*/)?\.vsts-ci[^/]*|"
            r"(?:.*/)?bitbucket-pipelines[^/]*\.ya?ml|(?:.*/)?\.travis[^/]*|(?:.*/)?\.drone[^/]*|"
            r"(?:.*/)?\.buildkite(?:/.*)?|(?:.*/)?\.woodpecker[^/]*(?:/.*)?|(?:.*/)?\.?appveyor[^/]*\.ya?ml|"
            r"(?:.*/)?cloudbuild[^/]*\.(?:ya?ml|json)|(?:.*/)?buildspec[^/]*\.ya?ml|(?:.*/)?appspec\.ya?ml|"
            r"(?:.*/)?\.teamcity(?:/.*)?|(?:.*/)?\.?tekton(?:/.*)?|(?:.*/)?\.semaphore(?:/.*)?|"
            r"(?:.*/)?\.?cirrus\.(?:ya?ml|star)|\.build\.ya?ml|\.builds/.*|(?:.*/)?wercker\.yml|"
            r"(?:.*/)?\.?codefresh(?:\.ya?ml|/.*)|(?:.*/)?\.harness(?:/.*)?|"
            r"(?:.*/)?(?:netlify\.toml|vercel\.json|render\.ya?ml|fly\.toml)|(?:.*/)?\.mergify[^/]*|"
            r"(?:.*/)?\.?renovate(?:rc)?(?:\.json5?)?|"
            r"(?:.*/)?(?:\.zuul\.ya?ml|\.?zuul\.d/.*|\.prow(?:\.ya?ml|/.*)|\.bazelci/.*|\.taskcluster\.ya?ml|\.kokoro/.*|"
            r"\.gitpod[^/]*|screwdriver\.ya?ml|\.vela\.(?:ya?ml|star|py)|bitrise\.ya?ml|codemagic\.ya?ml|"
            r"\.scrutinizer\.ya?ml|\.?shippable\.ya?ml|codeship-[^/]*\.ya?ml|\.evergreen\.ya?ml|\.concourse/.*|"
            r"\.onedev-buildspec\.ya?ml|[^/]*\.gocd\.ya?ml|\.gitlab-ci/.*|\.pipelines/.*|\.ci/.*|amplify\.ya?ml)",
        ),
    )
)


def kind_of(path: str, own: Sequence[str] = ()) -> str:
    """What a change of this path would change, in a few words; empty if it is an ordinary file.

    Args:
        path: Relative, with '/'.
        own: The repository's additions: a path, a directory with '/' at its end, or a pattern with * and ?,
            which match '/' too.
    """
    lower = path.lower()
    for kind, pattern in _KINDS:
        if pattern.fullmatch(lower):
            return kind
    return OWN if any(_matches(lower, one.lower()) for one in own) else ""


def _matches(path: str, pattern: str) -> bool:
    return path.startswith(pattern) if pattern.endswith("/") else fnmatchcase(path, pattern)
