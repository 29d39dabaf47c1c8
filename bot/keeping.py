"""`greenlight backup`, `restore` and `forget`: what is kept, and what is kept no longer."""

import getpass
import re
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import typer

from bot.terminal import ended, err, out, plain
from engine.counting import count

_PERMALINK = re.compile(r"/archives/([A-Z0-9]+)/p(\d+)(\d{6})$")
_FILE = Annotated[Path, typer.Argument(help="The archive.")]
_CONFIG = Annotated[Path | None, typer.Option(help="The TOML file that names the state directory.")]
_STATE = Annotated[Path | None, typer.Option(help="The state directory itself.")]


def backup(file: _FILE, config: _CONFIG = None, state: _STATE = None) -> None:
    """Save all that is kept into one file, also while the bot runs.

    In it: the database, our copies of repositories with work that was not pushed yet, checkouts, and the
    local forge's records; and which version made it, when, and a checksum of each file. Not in it: what was
    prepared (it is made anew), configuration, secrets. It holds people's words and code: only its owner may
    read it. For example: greenlight backup /backups/greenlight-$(date +%F).tar.gz
    """
    sys.exit(ended(_backup(file, _directory(config, state))))


def restore(
    file: _FILE,
    config: _CONFIG = None,
    state: _STATE = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move a state that is there aside; it is kept beside it.")
    ] = False,
) -> None:
    """Put a backup in place, while no bot runs there. What happened since the backup is not known to it.

    The next start goes on from there. Open cards get their buttons back; what was posted, pushed or opened
    since is looked for and brought up to date, not doubled. Clicks and messages since then have to come
    again; of requests made since then nothing is known: ask anew. A damaged file, or one of a newer version,
    is refused, and nothing is changed.
    """
    sys.exit(ended(_restore(file, _directory(config, state), replace=replace)))


def forget(
    request: Annotated[
        str, typer.Argument(help="Its id, the beginning of its id or thread, or a link to a message of it.")
    ],
    config: _CONFIG = None,
    state: _STATE = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete what is kept of a request that has ended: words, answers of models, results, checkouts, commits.

    Also while the bot runs, which then does it. Messages in Slack, pushed branches and pull requests stay.
    That the request was there, who asked and when stays too, so that nothing starts it again: who mentions
    me in its thread is told to ask in a new one. What is still open is refused: say stop in its thread first.
    """
    sys.exit(ended(_forget(request, config, state, dry_run=dry_run, yes=yes)))


def named(request: str) -> str:
    """What names a request in the records: of a link to a message its channel and thread, else as it is."""
    try:
        link = urlsplit(request)
    except ValueError:  # an address that is none
        return request
    found = _PERMALINK.search(link.path)
    if link.scheme != "https" or found is None:
        return request
    channel, seconds, fraction = found.groups()
    (thread,) = parse_qs(link.query).get("thread_ts", [f"{seconds}.{fraction}"])[:1]
    return f"{channel}:{thread}"


def _directory(config: Path | None, state: Path | None) -> Path:
    from bot.cli import settings_of

    return state or settings_of(config).state_dir


async def _backup(file: Path, directory: Path) -> int:
    import asyncio

    from engine.backup import save

    made = await asyncio.to_thread(save, directory, file)
    requests, files = count(made.requests, "request"), count(made.files, "file")
    out.print(f"Saved {requests} and {files} to {plain(str(file))}.")
    return 0


async def _restore(file: Path, directory: Path, *, replace: bool) -> int:
    import asyncio

    from engine.restoring import put_back

    made, aside = await asyncio.to_thread(put_back, file, directory, replace=replace)
    if aside is not None:
        out.print(f"What was there is now in {plain(str(aside))}.")
    out.print(
        f"Put back {count(made.requests, 'request')} as of {made.made_at:%Y-%m-%d %H:%M} UTC, saved by "
        f"version {plain(made.program)}, in {plain(str(directory))}. Start the bot to go on."
    )
    return 0


async def _forget(request: str, config: Path | None, state: Path | None, *, dry_run: bool, yes: bool) -> int:
    from bot.cli import settings_of
    from engine.forgetting import forget, going

    settings = settings_of(config)
    if state is not None:
        settings = settings.model_copy(update={"state_dir": state})
    what = await going(settings, named(request))
    rows = ", ".join(f"{count} of {name.removeprefix('gl_')}" for name, count in what.rows.items())
    out.print(f"{plain(what.request)} ({what.state}): {plain(what.title)}")
    out.print(f"  rows: {rows}; checkouts: {what.checkout_bytes:,} bytes; commits of ours: {what.commits}")
    if dry_run:
        return 0
    if not yes and not typer.confirm("Delete this for good?"):
        return 1
    by = f"operator:{getpass.getuser()}"
    if not await forget(settings, what.request, by):
        err.print("It is not deleted yet: the bot that runs was asked to. If it cannot, its log says why.")
        return 1
    out.print("Deleted.")
    return 0
