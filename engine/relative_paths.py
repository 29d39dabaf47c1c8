"""Which paths may be named in a repository: pure rules, the same for models, checkouts and commits."""

import unicodedata

from engine.errors import Rejected

MAX_PATH_BYTES = 1_000
MAX_NAME_BYTES = 255
MAX_DEPTH = 32


def relative_path(path: str) -> str:
    """The path in normal form: relative, with '/', without '.' or empty parts.

    Raises:
        Rejected: absolute, with '..', not UTF-8, with control characters, too long, or in a git
            directory as any file system may spell it.
    """
    if path.startswith("/"):
        raise Rejected("Paths are relative to the repository's root, such as src/example.sql.")
    if problem := path_problem("/".join(part for part in path.split("/") if part not in ("", "."))):
        raise Rejected(f"This path cannot be used: {problem}.")
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def path_problem(path: str) -> str | None:
    """Why a path in normal form may not be used, or None."""
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        return "it is not valid UTF-8"
    parts = path.split("/")
    problems = (
        (not path, "it is empty"),
        (".." in parts or "." in parts or "" in parts, "it must not hold '.', '..' or empty parts"),
        (any(unicodedata.category(char) == "Cc" for char in path), "it holds control characters"),
        (length > MAX_PATH_BYTES or len(parts) > MAX_DEPTH, "it is too long"),
        (any(len(part.encode()) > MAX_NAME_BYTES for part in parts), "a part of it is too long"),
        (any(is_repository_name(part) for part in parts), "git directories are off limits"),
    )
    return next((problem for applies, problem in problems if applies), None)


def is_repository_name(name: str) -> bool:
    """Whether some file system takes `name` for .git: case, invisible characters, NTFS's short forms."""
    visible = "".join(char for char in name if unicodedata.category(char) != "Cf").casefold()
    return visible.split(":")[0].rstrip(" .") in (".git", "git~1")
