"""What the engine needs from outside, each a Protocol with its contract. Adapters implement them.

Every method may raise errors of `engine.errors` only. Unless said otherwise a call may be repeated:
after a crash the engine first looks for what an earlier attempt left behind.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from engine.cards import Card
from engine.people import Person, Profile


class Frozen(BaseModel):
    """Base of immutable values."""

    model_config = ConfigDict(frozen=True)


# ---------------------------------------------------------------- chat


class Ref(Frozen):
    """Where a posted card stands: channel id and message ts."""

    channel: str
    ts: str


class ThreadMessage(Frozen):
    """One message of a thread as people wrote it. `text` is untrusted."""

    ts: str
    author: Person | None
    by_bot: bool
    text: str


class Chat(Protocol):
    """The thread people see. Implemented by the front end."""

    async def post(self, request: str, key: str, card: Card) -> Ref:
        """Post a card into the request's thread, marked with `key`. Not idempotent: call `find` first."""
        ...

    async def find(self, request: str, key: str) -> Ref | None:
        """The card that an earlier attempt posted under `key`, by asking the other side, or None."""
        ...

    async def update(self, ref: Ref, card: Card) -> None:
        """Replace a posted card in place. Raises CardMissing if it was deleted (and any ThreadMissing)."""
        ...

    async def tell(self, person: Person, card: Card) -> None:
        """Tell one person something apart from any thread. Not idempotent."""
        ...

    async def open_thread(self, channel: str, key: str, card: Card) -> Ref:
        """Begin a thread with a card, marked with `key`. Idempotent: an earlier one is returned."""
        ...

    async def history(self, request: str, limit: int = 50) -> Sequence[ThreadMessage]:
        """The thread's messages, oldest first, the bot's own included and marked."""
        ...

    async def person(self, person: Person, max_age_s: float = 600.0) -> Profile:
        """Who that is, as asked at most so many seconds ago; 0 asks anew.

        Unknown people, and whoever cannot be told of in time, come back as a profile that may do nothing.

        Raises:
            ChatLost: the chat takes the token no more.
        """
        ...

    async def person_now(self, person: Person) -> Profile:
        """Who that is today, asked anew; who is unknown to the chat may do nothing.

        Raises:
            Transient: it cannot be told now.
            ChatRefused: the chat tells of nobody until people change that.
        """
        ...


# ---------------------------------------------------------------- model


class Tier(StrEnum):
    """Model tiers; settings say which model serves each and at what price."""

    HAIKU = "haiku"
    SONNET = "sonnet"
    OPUS = "opus"


class ToolSpec(Frozen):
    """A tool as the Messages API takes it; `input_schema` is a JSON schema of type object."""

    name: str
    description: str
    input_schema: Mapping[str, Any]


class WebTool(Frozen):
    """A tool that the provider itself runs: web_search or web_fetch.

    Attributes:
        allowed_domains: Only pages of these.
        max_uses: Uses in one call at most.
        page_tokens: Upper bound of what one use adds to the input, for the reserved cost.
    """

    name: str
    allowed_domains: tuple[str, ...]
    max_uses: int
    page_tokens: int


class ModelCall(Frozen):
    """One call of the Messages API.

    Attributes:
        role: assess, ask, specify, plan, task:AGENT, review:AGENT or triage; sent as X-Greenlight-Role.
        request: The request's id; sent as metadata.user_id in hashed form only.
        system: Stable text, the same bytes for every call of one conversation (it is cached).
        messages: The conversation in the API's JSON form, append-only.
        tools: Offered tools, in a stable order.
        web: Tools of the provider's that search and read the web.
        schema: JSON schema of the structured answer, or None for free text.
        max_tokens: Upper bound of the answer; the reserved cost assumes all of it.
    """

    role: str
    request: str
    tier: Tier
    system: str
    messages: tuple[Mapping[str, Any], ...]
    tools: tuple[ToolSpec, ...] = ()
    web: tuple[WebTool, ...] = ()
    schema_: Mapping[str, Any] | None = None
    max_tokens: int = 8_000


class Usage(Frozen):
    """Tokens of one call as the API counted them, and what they cost in US dollars."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    web_searches: int = 0
    cost_usd: float = 0.0


class ToolUse(Frozen):
    """A tool call the model asked for."""

    id: str
    name: str
    input: Mapping[str, Any]


class ModelAnswer(Frozen):
    """A whole answer. `content` is the API's JSON, to be appended to the conversation unchanged.

    `text` is what was said after the last result of the provider's own tools.

    `stop_reason` is end_turn, tool_use, max_tokens, refusal, pause_turn, stop_sequence or
    model_context_window_exceeded. An answer cut off in transit never becomes a ModelAnswer: it is
    Unreachable.
    """

    model: str
    content: tuple[Mapping[str, Any], ...]
    text: str
    tool_uses: tuple[ToolUse, ...]
    stop_reason: str
    usage: Usage


class Model(Protocol):
    """A language model behind the Messages API."""

    async def answer(self, call: ModelCall) -> ModelAnswer:
        """Make one call, stateless and without retries of its own.

        Raises:
            Transient: rate limit, overload, 5xx, network, or an answer cut off (with retry_after, and with
                what an answer that had begun costs).
            ModelRefused: the provider will never take this call as it is (400, 401, 403, 404, 413).
            ScriptEnded: a rehearsal's script holds no answer.
        """
        ...

    def worst_case_usd(self, call: ModelCall) -> float:
        """Upper bound of the call's cost: all of max_tokens out, one token per two bytes in."""
        ...


# ---------------------------------------------------------------- sandbox


class Limits(Frozen):
    """Bounds of one command: seconds of wall clock and CPU, megabytes, processes, bytes of output.

    Attributes:
        memory_mb: Address space of each process.
        total_mb: Memory of all processes together, looked at about once a second.
        entries: Files and folders in memory, looked at about once a second.
    """

    wall_s: float = 120.0
    cpu_s: int = 120
    memory_mb: int = 2048
    total_mb: int = 4096
    entries: int = 300_000
    processes: int = 256
    tree_mb: int = 1024
    tmp_mb: int = 256
    output_bytes: int = 200_000


class Mount(Frozen):
    """A directory of the host that a command sees, read-only, within its tree.

    Attributes:
        source: The directory.
        at: Where it is seen, relative to /checkout; the tree itself holds nothing there.
    """

    source: Path
    at: str


class Command(Frozen):
    """A command over a private copy of `tree`. Nothing it writes reaches the host.

    Attributes:
        argv: Program and arguments; no shell is involved unless argv names one.
        tree: Host directory, shown to the command as /checkout, copied into a size-limited tmpfs.
        mounts: What is shown within it besides; the programs of their bin/ and .bin/ are found first.
    """

    argv: tuple[str, ...]
    tree: Path
    limits: Limits = Limits()
    mounts: tuple[Mount, ...] = ()


class Preparation(Frozen):
    """A command with network, over directories of the host that keep what it writes.

    For what is fetched from outside before any agent works, never for what an agent wrote. It shares the
    host's network: whatever the host reaches, its loopback and its neighbours included, the command reaches.

    Attributes:
        argv: Program and arguments; no shell is involved unless argv names one.
        room: Host directory with tree/ (shown as /checkout), home/ and tmp/, and nothing secret in them.
        env: Added to the sandbox's own environment.
        limits: `tree_mb` bounds all of the room, looked at about once a second; `total_mb` and `entries`
            bound nothing.
    """

    argv: tuple[str, ...]
    room: Path
    env: Mapping[str, str] = {}
    limits: Limits = Limits()


class Ended(StrEnum):
    """How a command ended."""

    EXIT = "exit"
    TIMEOUT = "timeout"
    OUTPUT = "output"
    START = "start"
    SIZE = "size"


class Execution(Frozen):
    """What a command did.

    Attributes:
        exit_code: None if it did not end by itself; 128+n if a signal n ended it.
        ended: EXIT, or the bound that ended it (START: it could not be started at all).
        output: stdout and stderr as they came, decoded with replacement; the first 20 % and the last
            80 % of `output_bytes` with a line in between that says how much was left out.
        digest: sha256 of all output that was read.
    """

    argv: tuple[str, ...]
    exit_code: int | None
    ended: Ended
    output: str
    truncated: bool
    digest: str
    duration_s: float


class Sandbox(Protocol):
    """Runs commands without network, secrets, history or a way to write to the host."""

    async def probe(self) -> str:
        """Prove that isolation works and describe it in a line.

        Raises:
            SandboxUnavailable: with the fix in one sentence.
        """
        ...

    async def run(self, command: Command) -> Execution:
        """Run to the end or to a limit. When cancelled, the whole process tree is dead on return."""
        ...

    async def prepare(self, preparation: Preparation) -> Execution:
        """As `run`, but with network and over directories that stay.

        Raises:
            DiskFull: the disk was about to be full.
        """
        ...

    def programs(self) -> str:
        """What tells the programs that commands may use from those of another time or machine."""
        ...


# ---------------------------------------------------------------- workspace


class TreeEntry(Frozen):
    """A path of a commit. `mode` is git's: 100644, 100755, 120000 (symlink), 160000 (gitlink)."""

    path: str
    mode: str
    blob: str
    size: int | None


class Change(Frozen):
    """A path that differs between two commits: A(dded), M(odified), D(eleted), T(ype or mode)."""

    path: str
    status: str
    added: int
    deleted: int


class Match(Frozen):
    """A line of a file at a commit that holds a literal."""

    path: str
    line: int
    text: str


class Branch(Frozen):
    """A branch of the remote, against the base branch.

    Attributes:
        head: The commit it points at.
        fork: The newest commit it shares with the base branch; empty if it shares none.
        ahead: How many of its commits the base branch lacks.
        subject, at: Of its newest commit.
    """

    name: str
    head: str
    fork: str
    ahead: int
    subject: str
    at: datetime


class LogEntry(Frozen):
    """A commit of the base branch's history, without its body."""

    commit: str
    at: datetime
    author: str
    subject: str


class Committed(Frozen):
    """What the host wrote from a checkout.

    Attributes:
        commit: The new id, or the parent's if nothing changed.
        changes: Against the parent.
        refused: Paths that may never be committed (new symlinks, nested repositories, bytecode,
            LFS pointers, changed .gitattributes, special files), each with the reason; they are not
            part of the commit.
    """

    commit: str
    changes: tuple[Change, ...]
    refused: tuple[tuple[str, str], ...]


class Workspace(Protocol):
    """One repository: its objects in a bare store of ours, checkouts as plain directories without .git.

    Reads are of objects at a commit, never of a checkout. Paths are relative, with '/', valid UTF-8.
    """

    async def refresh(self) -> str:
        """Fetch the base branch and return its head's id.

        Raises:
            RepositoryUnusable: missing, empty, not git, no such branch, or changes on it that are not
                committed; says which and the fix.
            Unreachable: the remote did not answer.
        """
        ...

    async def forget(self, commits: Sequence[str]) -> None:
        """Let go of commits that were made here; what nothing else holds is gone within two hours.

        What was pushed stays at the remote. Unknown commits are passed over.
        """
        ...

    async def branches(self) -> Sequence[Branch]:
        """Branches of others that are ahead of the base branch, the newest first, at most 20.

        Call `refresh` first. Branches of ours, and those that share nothing with the base, are left out.

        Raises:
            Unreachable: the remote did not answer.
        """
        ...

    async def branch_head(self, name: str) -> Branch | None:
        """Fetch one branch; None if the remote has none of that name.

        Call `refresh` first.

        Raises:
            Unreachable: the remote did not answer.
        """
        ...

    async def default_head(self) -> str:
        """Fetch the branch that the remote's HEAD names, and return its head's id; empty if it names none.

        Call `refresh` first.

        Raises:
            Unreachable: the remote did not answer.
        """
        ...

    async def files(self, commit: str) -> Sequence[TreeEntry]:
        """Every path at a commit, sorted."""
        ...

    async def read(self, commit: str, path: str) -> bytes | None:
        """A file's bytes at a commit, None if there is no such file (symlinks have none).

        Raises:
            Rejected: it is larger than is read at all (`engine.files.MAX_READ_BYTES`).
        """
        ...

    async def search(self, commit: str, literal: str, under: str = "", limit: int = 200) -> Sequence[Match]:
        """Lines that hold `literal`, in path order; binary files and those too large to read are left out."""
        ...

    async def changes(self, base: str, commit: str) -> Sequence[Change]:
        """What differs, from trees, without rename detection, attributes ignored."""
        ...

    async def diff(self, base: str, commit: str, paths: Sequence[str] = ()) -> str:
        """A unified diff made from blobs; attributes, filters and text conversions ignored.

        Binary files and those too large to read stand in it by their sizes.
        """
        ...

    async def history(self, commit: str, path: str = "", limit: int = 20) -> Sequence[LogEntry]:
        """Commits that touched a path, newest first."""
        ...

    async def checkout(self, commit: str, into: Path) -> None:
        """Write a commit's regular files into a new directory (replaced if there). No .git, no filters."""
        ...

    async def overlay(self, base: str, commit: str, paths: Sequence[str], into: Path) -> None:
        """Like checkout of `base`, then each of `paths` as it is at `commit` (removed if absent there)."""
        ...

    async def commit(self, tree: Path, parent: str, message: str) -> Committed:
        """Write a checkout's files as a commit on `parent`, by the host, with the bot's identity.

        Deterministic for equal trees, parent and message: the dates are the parent's plus one second.
        """
        ...

    async def push(self, commit: str, branch: str) -> None:
        """Put exactly this commit on a branch of the remote that is ours, with lease. Idempotent.

        Raises:
            PushRejected: the branch is foreign, protected or moved, or the remote refused.
            Unreachable: the remote did not answer.
        """
        ...

    async def pushed(self, branch: str) -> str | None:
        """The commit the remote holds on that branch now, None if there is no such branch."""
        ...

    async def ours(self, ending: str) -> Sequence[str]:
        """The names of the remote's branches beneath our prefix that end so, whoever put them there."""
        ...

    async def made_here(self, branch: str) -> bool:
        """Whether what the remote holds on that branch was made here and changed by nobody since.

        Told by a seal that needs no memory, so that it can be asked of a state put back from a backup.

        Raises:
            Unreachable: the remote did not answer.
        """
        ...


# ---------------------------------------------------------------- forge


class Draft(Frozen):
    """A draft pull request to be. `key` is the request's id: one pull request a key, ever."""

    key: str
    branch: str
    base: str
    commit: str
    title: str
    body: str


class PullRequest(Frozen):
    """A pull request as the forge knows it.

    Attributes:
        unset: What it should have got beside and could not, and why, a line each; untrusted.
    """

    number: int
    url: str
    branch: str
    commit: str
    draft: bool
    unset: tuple[str, ...] = ()


class Fate(StrEnum):
    """What became of a pull request."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


class Stance(StrEnum):
    """What a review says of the whole; comments say nothing of it."""

    NONE = ""
    COMMENTED = "commented"
    APPROVED = "approved"
    CHANGES_REQUESTED = "changes_requested"


class Remark(Frozen):
    """A comment or a review that others left on a pull request. All text of it is untrusted.

    Attributes:
        id: The forge's own, unique among the remarks of a pull request of whatever kind.
        author: Login at the forge; nobody of the chat.
        may_write: Whether the forge says that the author may push to the repository.
        path, line: Where in the change it stands, if it stands on a line; else empty and None.
    """

    id: str
    author: str
    may_write: bool
    by_bot: bool
    text: str
    at: datetime
    path: str = ""
    line: int | None = None
    stance: Stance = Stance.NONE


class CheckState(StrEnum):
    """How a check at the forge stands. SKIPPED: it says nothing (neutral, cancelled, not needed)."""

    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class OutsideCheck(Frozen):
    """A check that the forge ran of a commit: never the orchestrator's own. All text of it is untrusted.

    Attributes:
        id: The forge's own; a check that runs again has a new one.
        commit: What it ran on.
        summary: What it says of its outcome, if anything.
    """

    id: str
    name: str
    commit: str
    state: CheckState
    url: str = ""
    summary: str = ""


class Watched(Frozen):
    """How a pull request stands now: all of it, not what is new.

    Attributes:
        commit: The head of its branch now, whoever pushed it.
        remarks: Of others, oldest first, the newest 100. What we commented is left out, and so are
            reviews that neither say something nor approve nor ask for changes.
        checks: Of `commit` alone, the newest run of each name, at most 100.
        closed_by: Login of who merged or closed it; empty if it is open or that is not known.
        closed_at: When; None if it is open.
        mark: Makes the next look cheap, such as ETags; opaque, at most 4000 characters.
    """

    fate: Fate
    draft: bool
    commit: str
    remarks: tuple[Remark, ...] = ()
    checks: tuple[OutsideCheck, ...] = ()
    closed_by: str = ""
    closed_at: datetime | None = None
    mark: str = ""


class Forge(Protocol):
    """Where pull requests live."""

    async def find(self, key: str, branch: str) -> PullRequest | None:
        """The pull request an earlier attempt opened for this key or branch, or None."""
        ...

    async def open_draft(self, draft: Draft) -> PullRequest:
        """Open a draft. Call `find` first; a second draft of one key is an error."""
        ...

    async def update(self, number: int, draft: Draft) -> PullRequest:
        """Replace title, body and commit of an open pull request of ours; a draft or not, it stays one.

        Raises:
            NeedsPerson: it is merged, closed or of another request, or the forge refused.
        """
        ...

    async def look(self, number: int, mark: str) -> Watched | None:
        """How a pull request stands; None if nothing of it changed since the look that gave `mark`.

        Bounded in size and time (60 s). It is the whole state, so a look that fails loses nothing: the
        caller keeps the older mark, and the next look tells all of it. An empty or unknown mark is no
        error. `Transient.retry_after` says when a rate limit ends.

        Raises:
            NeedsPerson: there is no such pull request, or the forge lets us see it no more.
            Unreachable: the forge did not answer.
        """
        ...

    async def comment(self, number: int, key: str, body: str) -> None:
        """Comment on a pull request, or replace what was commented under this key. Idempotent.

        Raises:
            NeedsPerson: there is no such pull request, or the forge refused.
            Unreachable: the forge did not answer.
        """
        ...
