"""A backup is put back where no bot runs, so that the next start goes on from it and doubles nothing."""

import hashlib
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO

from pydantic import ValidationError

from engine.backup import MANIFEST, Backup
from engine.errors import ConfigurationInvalid
from engine.request import ShowCard, Snapshot
from engine.state_dir import DATABASE, hold
from engine.store.migrations import newest
from engine.store.tables import EffectStatus

_CHUNK = 1 << 20


def put_back(file: Path, state_dir: Path, *, replace: bool = False) -> tuple[Backup, Path | None]:
    """Put an archive in place of a state directory that no process holds.

    Returns:
        What it is, and where the state is now that was there before, if one was.

    Raises:
        ConfigurationInvalid: the file is no whole backup, or of a newer version; or there is a state
            already, and it is not to be replaced.
        AlreadyRunning: a bot runs there.
    """
    state_dir = state_dir.absolute()
    held = hold(state_dir)
    try:
        there = [path.name for path in state_dir.iterdir() if path.name != "lock"]
        if there and not replace:
            raise ConfigurationInvalid(
                f"There is a state in {state_dir} already. With --replace it is moved aside and kept."
            )
        with tempfile.TemporaryDirectory(
            prefix=f".{state_dir.name}-", dir=state_dir.parent, ignore_cleanup_errors=True
        ) as place:
            fresh = Path(place) / "state"
            fresh.mkdir(mode=0o700)
            made = _unpacked(file, fresh)
            _look_first(fresh / DATABASE)
            aside = state_dir.with_name(f"{state_dir.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
            state_dir.rename(aside)
            fresh.rename(state_dir)
    finally:
        held.release()
    if there:
        return made, aside
    (aside / "lock").unlink(missing_ok=True)
    aside.rmdir()
    return made, None


def _unpacked(file: Path, into: Path) -> Backup:
    found: dict[str, str] = {}
    told: Backup | None = None
    try:
        with tarfile.open(file, "r:gz") as archive:
            for member in archive:
                if not _plain(member.name) or not (member.isfile() or member.isdir()):
                    raise _spoilt(file, f"it holds {member.name[:80]!r}")
                content = archive.extractfile(member)
                if content is None:
                    (into / member.name).mkdir(parents=True, exist_ok=True)
                elif member.name == MANIFEST:
                    told = Backup.model_validate_json(content.read())
                else:
                    found[member.name] = _written(content, into / member.name, member.mode)
    except (OSError, EOFError, tarfile.TarError, ValidationError) as error:
        raise _spoilt(file, type(error).__name__) from error
    if told is None or DATABASE not in found:
        raise _spoilt(file, "its end or its database is missing")
    if told.digests != found:
        wrong = min(path for path, _ in told.digests.items() ^ found.items())
        raise _spoilt(file, f"{wrong[:80]!r} is not what was saved")
    if told.schema_version > newest():
        raise ConfigurationInvalid(
            f"{file} was made by a newer Greenlight ({told.program[:40]!r}, records of version "
            f"{told.schema_version[:40]!r}; this one knows {newest()}). Put it back with that version."
        )
    return told


def _plain(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _written(content: IO[bytes], path: Path, mode: int) -> str:
    digest = hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as target:
        while data := content.read(_CHUNK):
            digest.update(data)
            target.write(data)
    path.chmod((mode | 0o600) & 0o755)
    return digest.hexdigest()


def _spoilt(file: Path, why: str) -> ConfigurationInvalid:
    return ConfigurationInvalid(f"{file} is no whole backup of Greenlight ({why}). Nothing was changed.")


def _look_first(database: Path) -> None:
    """What was posted since is looked for before it would be posted again; what stands is shown as it was.

    A card that people dealt with since has no buttons any more: it gets those of its state again.
    """
    now = datetime.now(UTC)
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT id, snapshot FROM gl_request").fetchall()
        for id, text in rows:
            snapshot = Snapshot.model_validate_json(text)
            if snapshot.state.ended:
                continue
            restored = snapshot.model_copy(update={"restored": True})
            connection.execute(
                "UPDATE gl_request SET snapshot = ? WHERE id = ?", (restored.model_dump_json(), id)
            )
            cards = connection.execute("SELECT key FROM gl_card WHERE request = ?", (id,)).fetchall()
            for (key,) in cards:
                effect = ShowCard(card=key)
                connection.execute(
                    "INSERT INTO gl_effect (id, request, do, card, body, snapshot, epoch, status, attempt,"
                    " holder, created_at, note) VALUES (?, ?, ?, ?, ?, '', ?, ?, 0, '', ?, '')",
                    (
                        f"{id}/restored-{now:%Y%m%dT%H%M%S%f}/{key}",
                        id,
                        effect.do,
                        key,
                        effect.model_dump_json(),
                        snapshot.epoch,
                        EffectStatus.PENDING.value,
                        f"{now:%Y-%m-%d %H:%M:%S.%f}",
                    ),
                )
        connection.commit()
