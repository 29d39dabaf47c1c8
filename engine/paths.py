"""Which paths a spec may name as artifacts: exact files that bend no checks, git or agents. Pure."""

import re
import sys
from collections.abc import Collection, Sequence

from engine.relative_paths import path_problem

# What these define is the operator's or a person's to change: how checks run, what a linter tolerates,
# what a build executes, how git treats files, who owns them, and what agents are told.
_PROTECTED_NAMES = frozenset(
    {
        *("makefile", "gnumakefile", "bsdmakefile", "justfile", "taskfile.yml", "taskfile.yaml", "rakefile"),
        *(
            "conftest.py",
            "pytest.ini",
            ".pytest.ini",
            "pytest.toml",
            ".pytest.toml",
            "tox.ini",
            "noxfile.py",
            "setup.cfg",
            "setup.py",
            "pyproject.toml",
        ),
        *("sitecustomize.py", "usercustomize.py", ".coveragerc", ".pre-commit-config.yaml", "package.json"),
        *(
            ".sqlfluff",
            ".sqlfluffignore",
            "ruff.toml",
            ".ruff.toml",
            ".flake8",
            ".pylintrc",
            "mypy.ini",
            ".mypy.ini",
        ),
        *(".eslintrc", ".eslintrc.json", ".eslintrc.js", "eslint.config.js", ".yamllint", ".npmrc"),
        *(".gitattributes", ".gitmodules", ".gitconfig", ".lfsconfig", "codeowners"),
        *("claude.md", "claude.local.md", "agents.md", "gemini.md", ".cursorrules", ".mcp.json"),
        *("jenkinsfile", ".gitlab-ci.yml", ".gitlab-ci.yaml", ".travis.yml", ".drone.yml"),
        *("azure-pipelines.yml", "bitbucket-pipelines.yml", "appveyor.yml", "cloudbuild.yaml"),
        *("cmakelists.txt", "cmakepresets.json", "meson.build", "configure", "configure.ac"),
        *("build", "build.bazel", "workspace", "workspace.bazel", "module.bazel", ".bazelrc"),
        *("build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "gradle.properties"),
        *("gradlew", "gradlew.bat", "mvnw", "mvnw.cmd", "pom.xml", "build.sbt", "build.xml"),
        *("build.rs", "cargo.toml", "clippy.toml", ".clippy.toml", "rust-toolchain", "rust-toolchain.toml"),
        *("go.mod", "go.work", ".golangci.yml", ".golangci.yaml", "mix.exs", "gemfile", "composer.json"),
        *("phpunit.xml", "phpunit.xml.dist", ".rspec", ".rubocop.yml", "bunfig.toml", "deno.json"),
        *("tsconfig.json", "jsconfig.json", "karma.conf.js", ".babelrc", ".swcrc", ".nycrc"),
        *("turbo.json", "nx.json", "lerna.json", "pnpm-workspace.yaml", "biome.json"),
        *(".envrc", ".env", ".tool-versions", "mise.toml", ".mise.toml", ".python-version", ".nvmrc"),
        *("hatch.toml", "pixi.toml", "uv.toml", ".shellcheckrc", ".editorconfig"),
    }
)
_PROTECTED_FOLDERS = frozenset(
    {
        *(".git", ".github", ".gitlab", ".circleci", ".buildkite", ".ci", ".husky", ".githooks"),
        *(
            ".claude",
            ".cursor",
            ".greenlight",
            ".cargo",
            ".mvn",
            ".bazel",
            "__pycache__",
            ".venv",
            "node_modules",
        ),
    }
)
# Families of names: the same configuration in any of a tool's languages.
_PROTECTED_FAMILIES = re.compile(
    r"(?:jest|vitest|vite|babel|webpack|rollup|esbuild|karma|playwright|cypress|eslint|prettier|stylelint"
    r"|wdio|nightwatch)\.(?:config|setup|workspace)\.\w+"
    r"|tsconfig\..+\.json|\.(?:eslintrc|mocharc|babelrc|nycrc|prettierrc|stylelintrc)\.\w+"
)
_PROTECTED_ENDINGS = (".mk", ".pyc", ".pyo", ".pth", ".so", ".pyd")
_GIT_HARMLESS = frozenset({".gitignore", ".gitkeep"})
_GLOBS = frozenset("*?[]{}")
_PARTS = re.compile(r"[^\s;&|()<>'\"]+")
_RUNNERS = frozenset(
    {"pytest", "_pytest", "pluggy", "coverage", "sqlfluff", "ruff", "mypy", "flake8", "pylint"}
)
# Importing these instead of the real ones changes no check; repositories commonly have a folder of that name.
_HARMLESS_MODULES = frozenset(
    {
        *("test", "tests", "doc", "docs", "example", "examples", "scripts", "benchmarks"),
        *("this", "antigravity", "idlelib", "turtledemo"),
    }
)


def artifact_problems(
    artifacts: Sequence[str],
    files: Collection[str],
    commands: Sequence[Sequence[str]],
    packages: Collection[str] = frozenset(),
) -> tuple[str, ...]:
    """Why paths may not be artifacts, in sentences; empty if they all may.

    Args:
        artifacts: As a spec lists them.
        files: Every path of the base commit.
        commands: The argv of each configured check: what one names is part of the check.
        packages: Modules that are installed where checks run.
    """
    known = frozenset(files)
    folders = frozenset(parent for path in known for parent in _above(path))
    # Split once more: a command may be handed to a shell as one word.
    words = frozenset(part for argv in commands for word in argv for part in _PARTS.findall(word))
    named = {word.removeprefix("./") for word in words} | {f"{word.replace('.', '/')}.py" for word in words}
    problems = []
    for path in artifacts:
        why = (
            malformed(path, known)
            or _placed(path, known, folders, artifacts)
            or _protected(path, named)
            or _shadows(path, known, folders, _RUNNERS | sys.stdlib_module_names | frozenset(packages))
        )
        if why:
            problems.append(f"Artifact {path!r} {why}.")
    lowered = [path.casefold() for path in artifacts]
    twice = sorted({path for path in artifacts if lowered.count(path.casefold()) > 1})
    problems += [f"Artifact {path!r} is listed twice (capitals aside)." for path in twice]
    return tuple(problems)


def malformed(path: str, files: Collection[str]) -> str:
    """What is wrong with the form of a path, to follow its name in a sentence; empty if nothing is.

    It says what no agent could write and no commit would take, and more.
    """
    parts = path.split("/")
    if path.startswith(("/", "~")) or "\\" in path or ":" in parts[0]:
        return "must be relative to the repository, with /"
    if problem := path_problem(path):
        return f"cannot be written: {problem}"
    if any(part != part.strip() or part.endswith(".") for part in parts):
        return "has a part that begins or ends with a blank, or ends with a dot"
    if any(char.isspace() and char != " " for char in path):
        return "holds an unusual kind of blank"
    if _GLOBS & set(path) and path not in files:
        return "looks like a pattern; list each file"
    return ""


def _placed(path: str, files: Collection[str], folders: Collection[str], artifacts: Sequence[str]) -> str:
    if path in folders:
        return "is a folder; list the files in it that change"
    blocking = next(
        (up for up in _above(path) if up in files or (up in artifacts and up not in folders)), None
    )
    return f"lies under {blocking!r}, which is a file" if blocking else ""


def _protected(path: str, named: Collection[str]) -> str:
    parts = path.casefold().split("/")
    # Installed packages say in such folders which plugins a test runner loads.
    plugins = any(part.endswith((".dist-info", ".egg-info")) for part in parts[:-1])
    git = parts[-1].startswith(".git") and parts[-1] not in _GIT_HARMLESS
    if git or plugins or _PROTECTED_FOLDERS & set(parts):
        return "lies where tools, git or agents keep what they obey; only people change that"
    name = parts[-1]
    family = _PROTECTED_FAMILIES.fullmatch(name) is not None
    if name in _PROTECTED_NAMES or family or name.endswith(_PROTECTED_ENDINGS) or path in named:
        return "defines how checks, builds or agents behave; only people change that"
    return ""


def _shadows(path: str, files: Collection[str], folders: Collection[str], modules: Collection[str]) -> str:
    """What a new file or folder would be imported instead of, where imports look for modules."""
    if not path.endswith(".py") or path in files:
        return ""
    for place in (*_above(path), path):
        if place in folders:
            continue
        folder, _, name = place.rpartition("/")
        module = name.removesuffix(".py")
        if module in modules and module not in _HARMLESS_MODULES and _imports_from(folder, files):
            return f"would be imported instead of the module {module!r} and so change what checks do"
    return ""


def _imports_from(folder: str, files: Collection[str]) -> bool:
    """Whether modules are looked for here: at the root, and beside scripts, tests and topmost packages."""
    if not folder:
        return True
    inside = {name.removeprefix(f"{folder}/") for name in files if name.startswith(f"{folder}/")}
    python = any("/" not in name and name.endswith(".py") for name in inside)
    packages = any(name.count("/") == 1 and name.endswith("/__init__.py") for name in inside)
    return "__init__.py" not in inside and (python or packages)


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
