"""Where a repository is at GitHub: owner, name, and the address of its REST API."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from engine.errors import ConfigurationInvalid
from engine.settings import GitHubSettings, RepositorySettings

_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^/:@]+):(?!//)(?P<path>.+)")
_FULL_NAME = re.compile(r"/*([A-Za-z0-9][A-Za-z0-9-]*)/([A-Za-z0-9._-]+?)(?:\.git)?/*")
_SSH_HOSTS = {"ssh.github.com": "github.com", "www.github.com": "github.com"}


class Place(NamedTuple):
    """A repository at GitHub or at a GitHub Enterprise Server."""

    owner: str
    name: str
    api: str

    @property
    def full(self) -> str:
        """owner/name."""
        return f"{self.owner}/{self.name}"


class _Address(NamedTuple):
    scheme: str
    host: str
    path: str


def place_of(repository: RepositorySettings) -> Place | None:
    """The repository's place; None if neither its section nor its remote speaks of GitHub.

    Raises:
        ConfigurationInvalid: it cannot be told which repository is meant, or its credentials would go to a
            host that the API does not belong to.
    """
    remote = _address(repository.remote)
    settings = repository.github
    if settings is None:
        if remote is None or (remote.scheme, remote.host) != ("https", "github.com"):
            return None
        settings = GitHubSettings()
    if remote is not None and remote.scheme in {"https", "http"} and not _same(remote.host, settings.api):
        raise ConfigurationInvalid(
            f"In the repository {repository.name}: the remote is on {remote.host}, but github.api is "
            f"{settings.api}, and its credentials are for one host. For GitHub Enterprise Server set api to "
            f"https://{remote.host}/api/v3."
        )
    full = settings.repository or _full_name(remote, settings.api)
    if full is None:
        raise ConfigurationInvalid(
            f"In the repository {repository.name}: set github.repository to OWNER/NAME; its remote does not "
            "tell it."
        )
    owner, name = full.split("/")
    return Place(owner, name, settings.api.rstrip("/"))


def is_on_github(remote: str) -> bool:
    """Whether a remote is on github.com, by whatever protocol."""
    address = _address(remote)
    return address is not None and address.host == "github.com"


def _address(remote: str) -> _Address | None:
    """Of a URL or an scp-like address; None for a local path."""
    if "://" in remote:
        url = urlsplit(remote)
        host = (url.hostname or "").lower()
        return None if url.scheme == "file" else _Address(url.scheme, _SSH_HOSTS.get(host, host), url.path)
    found = _SCP.fullmatch(remote)
    return _Address("ssh", found["host"].lower(), found["path"]) if found else None


def _same(host: str, api: str) -> bool:
    return (urlsplit(api).hostname or "") in {host, f"api.{host}"}


def _full_name(remote: _Address | None, api: str) -> str | None:
    if remote is None or not _same(remote.host, api):
        return None
    found = _FULL_NAME.fullmatch(remote.path)
    return f"{found[1]}/{found[2]}" if found else None
