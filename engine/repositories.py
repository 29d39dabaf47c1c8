"""Each repository's workspace and forge: at GitHub with the environment's credentials, else local."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ConfigurationInvalid
from engine.ports import Forge, Workspace
from engine.settings import RepositorySettings
from engine.state_dir import store_of

if TYPE_CHECKING:
    from engine.adapters.github_client import GitHubClient
    from engine.adapters.github_trial import Trial


class Repositories:
    """The configured repositories.

    Args:
        configured: All of them.
        state_dir: Stores and the local forge's records are kept beneath it.
        environment: Holds GitHub's credentials, which are read now.

    Raises:
        ConfigurationInvalid: one is at GitHub, and its section or the credentials cannot be used.
    """

    def __init__(
        self, configured: Sequence[RepositorySettings], state_dir: Path, environment: Mapping[str, str]
    ) -> None:
        self._state_dir = state_dir.absolute()
        self._at_github = _at_github(configured, environment)
        self._workspaces: dict[str, Workspace] = {}
        self._forges: dict[str, Forge] = {}

    def workspace(self, repository: RepositorySettings) -> Workspace:
        """One a repository: it serialises what writes to its store."""
        if repository.name not in self._workspaces:
            from engine.adapters.git_workspace import GitWorkspace

            self._workspaces[repository.name] = GitWorkspace(
                repository.remote,
                repository.base,
                store_of(self._state_dir, repository.name),
                prefix=repository.branch_prefix,
                access=self._at_github.get(repository.name),
            )
        return self._workspaces[repository.name]

    def forge(self, repository: RepositorySettings) -> Forge:
        """Where its pull requests live."""
        if repository.name not in self._forges:
            client = self._at_github.get(repository.name)
            self._forges[repository.name] = (
                _github_forge(repository, client) if client else self._local_forge(repository)
            )
        return self._forges[repository.name]

    async def tried(self, repository: RepositorySettings, commit: str) -> Sequence["Trial"]:
        """What the credentials can see of it at GitHub; nothing is written. Elsewhere there is nothing.

        Args:
            repository: One of them.
            commit: The base branch's head.
        """
        client = self._at_github.get(repository.name)
        if client is None:
            return _kept_here(repository)
        from engine.adapters.github_trial import tried

        return await tried(client, commit, f"{repository.branch_prefix}doctor")

    def _local_forge(self, repository: RepositorySettings) -> Forge:
        from engine.adapters.local_forge import LocalForge

        directory = self._state_dir / "forge" / repository.name
        return LocalForge(directory, directory.as_uri())


def _at_github(
    configured: Sequence[RepositorySettings], environment: Mapping[str, str]
) -> Mapping[str, "GitHubClient"]:
    from engine.adapters.github_place import place_of

    found = ((repository.name, place_of(repository)) for repository in configured)
    places = {name: place for name, place in found if place is not None}
    if not places:
        return {}
    apis = sorted({place.api for place in places.values()})
    if len(apis) > 1:
        raise ConfigurationInvalid(
            f"Repositories are at {' and '.join(apis)}, but one set of GitHub's credentials is for one of "
            "them: run a bot of its own for each."
        )
    from engine.adapters.github_client import GitHubClient
    from engine.adapters.github_secrets import secrets_from

    secrets = secrets_from(environment)
    return {name: GitHubClient(place, secrets) for name, place in places.items()}


def _kept_here(repository: RepositorySettings) -> Sequence["Trial"]:
    from engine.adapters.github_place import is_on_github

    if not is_on_github(repository.remote):
        return ()
    from engine.adapters.github_trial import Trial

    return (
        Trial(
            well=False,
            text="the remote is on github.com, but pull requests are kept in a local forge",
            next="Add a section [repositories.github] to have them opened there.",
            bearable=True,
        ),
    )


def _github_forge(repository: RepositorySettings, client: "GitHubClient") -> Forge:
    from engine.adapters.github_dress import Dress
    from engine.adapters.github_forge import GitHubForge
    from engine.settings import GitHubSettings

    settings = repository.github or GitHubSettings()
    dress = Dress(client, settings.labels, from_codeowners=settings.reviewers_from_codeowners)
    return GitHubForge(client, repository.branch_prefix, dress)
