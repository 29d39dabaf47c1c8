"""A remote repository: fetching its base branch and pushing to branches of ours."""

import base64
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from engine.adapters.git import REMOTE_TIMEOUT_S, Git, GitFailed, disk_error
from engine.adapters.git_said import NoAccess, NoSuchBranch, meaning
from engine.errors import RepositoryUnusable, Unreachable
from engine.settings import LOOPBACK

_SHOWN_BRANCHES = 5
_SHOWN_PATHS = 3
_SAFE_DIRECTORIES = "greenlight-trusted.gitconfig"
_COMPARED = "greenlight-compared.index"
_NOT_COMMITTED = (
    "The repository {0} has changes on {1} that are not committed ({2}): commit or stash them there, and "
    "try again."
)
_SSH = "ssh -o BatchMode=yes -o ConnectTimeout=20"
_PASSED_ON = (
    "SSH_AUTH_SOCK", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
)  # fmt: skip


class Access(Protocol):
    """What a remote at a forge takes."""

    async def token(self) -> str:
        """A credential that holds for some minutes at least.

        Raises:
            NeedsPerson: there is none.
            Transient: the forge did not answer.
        """
        ...

    def refused(self, token: str) -> bool:
        """The remote did not take this one: whether asking for another may help."""
        ...

    async def protected(self, branch: str) -> bool:
        """Whether a rule of the forge protects this branch, as far as it tells; errors as of `token`."""
        ...


class Remote:
    """Where commits come from and go to.

    Args:
        location: A local path, or an https, ssh or scp-like URL.
        git: The store.
        access: Its token is sent as basic authentication to an https remote, to no other place. With one, a
            remote on this machine may speak plain http.
        timeout_s: How long one command may take that speaks to it.
    """

    def __init__(
        self, location: str, git: Git, access: Access | None = None, timeout_s: float = REMOTE_TIMEOUT_S
    ) -> None:
        self._git = git
        self._timeout_s = timeout_s
        self._path = _local_path(location)
        self._location = str(self._path) if self._path else location
        self._access = access
        url = urlsplit(self._location)
        on_this_machine = access is not None and url.scheme == "http" and url.hostname in LOOPBACK
        self._over_http = self._path is None and (url.scheme == "https" or on_this_machine)
        self.name = _without_secrets(self._location)

    async def branches(self, pattern: str = "refs/heads/*") -> dict[str, str]:
        """Branch names and the commits they point at."""
        self._require_present()
        output = await self._run("ls-remote", "--refs", "--heads", "--", self._location, pattern)
        rows = (line.split("\t", 1) for line in output.decode("utf-8", "replace").splitlines())
        return {name.removeprefix("refs/heads/"): commit for commit, name in rows}

    async def default_branch(self) -> str:
        """The branch that the remote's HEAD names; empty if it names none."""
        self._require_present()
        output = await self._run("ls-remote", "--symref", "--", self._location, "HEAD")
        first = output.decode("utf-8", "replace").partition("\n")[0]
        return first.removeprefix("ref: refs/heads/").partition("\t")[0] if first.startswith("ref: ") else ""

    async def fetch(self, branch: str, reference: str = "") -> None:
        """Bring a branch into the store under `reference`, or only its objects.

        Raises:
            RepositoryUnusable: no such repository or branch, or no access; with the fix.
            Unreachable: no answer.
        """
        self._require_present()
        try:
            await self._run(
                "fetch", "--no-tags", "--no-write-fetch-head", "--update-shallow", "--", self._location,
                f"+refs/heads/{branch}:{reference}",
            )  # fmt: skip
        except NoSuchBranch:
            raise await self._no_such_branch(branch) from None

    async def fetch_all(self, references: Mapping[str, str]) -> None:
        """Bring branches into the store, each under its reference.

        Raises:
            RepositoryUnusable: no such repository, or no access; with the fix.
            Unreachable: no answer, or a branch went away meanwhile.
        """
        self._require_present()
        specs = [f"+refs/heads/{branch}:{reference}" for branch, reference in references.items()]
        try:
            await self._run(
                "fetch", "--no-tags", "--no-write-fetch-head", "--update-shallow", "--", self._location,
                *specs,
            )  # fmt: skip
        except NoSuchBranch:
            raise Unreachable(f"A branch of {self.name} went away while it was read.") from None

    async def _no_such_branch(self, branch: str) -> RepositoryUnusable:
        names = sorted(await self.branches())
        if not names:
            return RepositoryUnusable(
                f"The repository {self.name} is empty: push a first commit on {branch} and try again."
            )
        some = ", ".join(names[:_SHOWN_BRANCHES]) + (", …" if len(names) > _SHOWN_BRANCHES else "")
        return RepositoryUnusable(
            f"The repository {self.name} has no branch {branch}; it has {some}. "
            "Set the base branch in the configuration."
        )

    async def require_committed(self, branch: str, commit: str) -> None:
        """Look whether a clone that stands on this machine, with the branch checked out, is as committed.

        Git works from our store's settings and a copy of that clone's index, which it would write to:
        nothing the clone configured is run.

        Args:
            branch: The branch.
            commit: Its head, fetched before.

        Raises:
            RepositoryUnusable: files were changed and not committed: what people see there is not what
                would be worked on.
        """
        if self._path is None or not self._has_checked_out(branch):
            return
        index = self._git.store / _COMPARED
        try:
            shutil.copyfile(self._path / ".git" / "index", index)
            output = await self._git.run(
                f"--work-tree={self._path}", "-c", "core.bare=false", "-c", "core.fileMode=false", "diff",
                "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv",
                "--ignore-submodules=all", commit, "--",
                extra={"GIT_INDEX_FILE": str(index)},
            )  # fmt: skip
        except (GitFailed, OSError):
            return  # what cannot be compared is no reason to refuse what was fetched
        changed = [path.decode("utf-8", "replace") for path in output.split(b"\0") if path]
        if changed:
            some = ", ".join(changed[:_SHOWN_PATHS]) + (", …" if len(changed) > _SHOWN_PATHS else "")
            raise RepositoryUnusable(_NOT_COMMITTED.format(self.name, branch, some))

    def _has_checked_out(self, branch: str) -> bool:
        try:
            head = (self._path or Path()) / ".git" / "HEAD"
            return head.read_text("utf-8").strip() == f"ref: refs/heads/{branch}"
        except (OSError, UnicodeDecodeError):
            return False

    async def push(self, commit: str, branch: str, expected: str) -> None:
        """Make a branch point at a commit, if it points at `expected` ("": does not exist) now.

        Raises:
            PushRejected: it moved, or the remote refused.
            Unreachable: no answer.
        """
        self._require_present()
        name = f"refs/heads/{branch}"
        await self._run(
            "push", "--no-follow-tags",
            f"--force-with-lease={name}:{expected}", "--", self._location, f"{commit}:{name}",
        )  # fmt: skip

    def _require_present(self) -> None:
        try:
            missing = self._path is not None and not self._path.exists()
        except PermissionError:
            raise NoAccess.to(self.name) from None
        if missing:
            raise RepositoryUnusable(
                f"There is no repository at {self.name}: correct its path in the configuration."
            )

    async def _run(self, *arguments: str) -> bytes:
        token = await self._access.token() if self._access and self._over_http else ""
        try:
            return await self._once(arguments, token)
        except NoAccess:
            if not self._access or not token or not self._access.refused(token):
                raise
            return await self._once(arguments, await self._access.token())

    async def _once(self, arguments: Sequence[str], token: str) -> bytes:
        environment = self._environment(token)
        if self._path:
            environment["GIT_CONFIG_GLOBAL"] = str(await self._trusted())
        try:
            return await self._git.run(*arguments, extra=environment, timeout_s=self._timeout_s)
        except GitFailed as failure:
            raise meaning(failure, self.name) from None

    def _environment(self, token: str) -> dict[str, str]:
        if self._path:
            return {"GIT_ALLOW_PROTOCOL": "file"}
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        if not self._over_http:
            return {**passed, "GIT_ALLOW_PROTOCOL": "ssh", "GIT_SSH_COMMAND": _SSH}
        url = urlsplit(self._location)
        signed = _signed(f"{url.scheme}://{url.netloc.rpartition('@')[2]}/", token) if token else {}
        return {**passed, **signed, "GIT_ALLOW_PROTOCOL": url.scheme}

    async def _trusted(self) -> Path:
        """Settings for git's other end on this machine: only which directories the operator trusts."""
        theirs = {"GIT_CONFIG_NOSYSTEM": "0", "GIT_CONFIG_GLOBAL": str(Path.home() / ".gitconfig")}
        try:
            output = await self._git.run("config", "-z", "--get-all", "safe.directory", extra=theirs)
        except GitFailed:
            output = b""
        path = self._git.store / _SAFE_DIRECTORIES
        quoted = (_config_value(value) for value in output.split(b"\0") if value)
        try:
            path.write_bytes(b"[safe]\n" + b"".join(b"\tdirectory = %s\n" % value for value in quoted))
        except OSError as error:
            raise disk_error(error) from None
        return path


def _signed(host: str, token: str) -> dict[str, str]:
    """The setting of one header for one host, in the environment: every user can read a command line."""
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{host}.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
    }


def _local_path(location: str) -> Path | None:
    if location.startswith("file://"):
        return Path(urlsplit(location).path)
    if ":" in location.partition("/")[0]:
        return None
    return Path(location).expanduser().absolute()


def _without_secrets(location: str) -> str:
    url = urlsplit(location)
    if not url.scheme:
        return location
    return url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()


def _config_value(value: bytes) -> bytes:
    escaped = value.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"'
