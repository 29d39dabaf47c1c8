"""What is read of GitHub's answers."""

from datetime import datetime

from engine.adapters.github_http import Wire


class User(Wire):
    """An account. `type` is User, Bot or Organization."""

    login: str
    type: str = "User"


class Repository(Wire):
    """A repository that a branch is in."""

    full_name: str


class Reference(Wire):
    """A branch of a pull request, as it stands or stood; `repo` is None if its fork was deleted.

    `label` is OWNER:BRANCH.
    """

    ref: str
    sha: str = ""
    label: str = ""
    repo: Repository | None = None

    def is_in(self, full: str) -> bool:
        """Whether it is in this repository."""
        if self.repo is not None:
            return self.repo.full_name.lower() == full.lower()
        owner = self.label.partition(":")[0].lower()
        return owner in {"", full.split("/")[0].lower()}


class Pull(Wire):
    """A pull request. `user` is None if the account is gone."""

    number: int
    html_url: str
    state: str = "open"
    title: str = ""
    body: str | None = None
    draft: bool = False
    user: User | None = None
    head: Reference
    base: Reference
    merged_at: datetime | None = None
    closed_at: datetime | None = None
    merged_by: User | None = None


class Spoken(Wire):
    """What people write. The association is theirs to the repository; `user` is None if they are gone."""

    id: int
    body: str | None = None
    user: User | None = None
    author_association: str = "NONE"


class Comment(Spoken):
    """A comment in a pull request's conversation."""

    created_at: datetime | None = None


class File(Wire):
    """A file that a pull request changes."""

    filename: str
    previous_filename: str | None = None


class Content(Wire):
    """A file of a repository, in base64; of large ones the content is left out."""

    content: str = ""
    encoding: str = ""


class Event(Wire):
    """Something that happened to a pull request: such as labeled or review_requested."""

    event: str


class HeldBranch(Wire):
    """A branch, and whether a rule protects it."""

    protected: bool = False


class LineComment(Comment):
    """A comment on a line; `line` is None where later commits took the line away."""

    path: str = ""
    line: int | None = None
    original_line: int | None = None


class Review(Spoken):
    """A review. `state` is APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED or PENDING."""

    state: str
    submitted_at: datetime | None = None


class Output(Wire):
    """What a check says of its outcome."""

    title: str | None = None
    summary: str | None = None


class Suite(Wire):
    """What a run belongs to: of one workflow or app and one event. Runs that are repeated stay in it."""

    id: int


class CheckRun(Wire):
    """A run of a check. `conclusion` stands once `status` is completed."""

    id: int
    name: str
    status: str
    conclusion: str | None = None
    html_url: str | None = None
    output: Output | None = None
    check_suite: Suite | None = None


class CheckRuns(Wire):
    """The check runs of a commit."""

    check_runs: tuple[CheckRun, ...] = ()


class Status(Wire):
    """A commit status. `state` is success, failure, error or pending."""

    id: int
    context: str
    state: str
    description: str | None = None
    target_url: str | None = None


class Statuses(Wire):
    """The newest status of each context."""

    statuses: tuple[Status, ...] = ()


class Permission(Wire):
    """What somebody may do: admin, write, read or none."""

    permission: str


class ClosedIssue(Wire):
    """Who closed it; GitHub tells so of the issue behind a pull request only."""

    closed_by: User | None = None


class Permissions(Wire):
    """What the account may do with a repository."""

    push: bool = False


class Standing(Wire):
    """A repository as the credentials see it."""

    archived: bool = False
    permissions: Permissions | None = None


class Rule(Wire):
    """A rule that holds for a branch, such as creation or required_signatures."""

    type: str
