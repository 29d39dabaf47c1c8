"""Writing a repository into the configuration file, without touching what stands there."""

import json
import os
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.errors import ConfigurationInvalid
from engine.prepare_settings import PrepareSettings
from engine.settings import CheckSettings, RepositorySettings, Settings

HEADER = """\
# Where requests, checkouts and our own copy of each repository live. One process at a time uses it.
state_dir = ".greenlight"
"""

_USUAL_MEMORY_MB = CheckSettings(argv=("true",)).memory_mb


def block(repository: RepositorySettings, told: Mapping[str, str]) -> str:
    """A repository as TOML text.

    Args:
        repository: What it says; values that are the usual ones are left out.
        told: By name of a check, or "prepare": what it was read from, for a comment.
    """
    lines = [
        "[[repositories]]",
        f"name = {text(repository.name)}",
        f"remote = {text(repository.remote)}",
        f"base = {text(repository.base)}",
        f"channels = {_list(repository.channels)}" + _hint(repository.channels, 'such as "C0123456789"'),
        f"approvers = {_list(repository.approvers)}"
        + _hint(repository.approvers, "anyone but the requester"),
    ]
    for name, check in repository.checks.items():
        lines += ["", *_comment(told.get(name, "")), f"[repositories.checks.{_key(name)}]"]
        lines += [f"argv = {_list(check.argv)}", f"about = {text(check.about)}"]
        lines += [f"timeout_s = {check.timeout_s:g}"]
        if check.memory_mb != _USUAL_MEMORY_MB:
            lines.append(f"memory_mb = {check.memory_mb}")
    if repository.prepare is not None:
        lines += ["", *_comment(told.get("prepare", "")), *_prepare(repository.prepare)]
    return "\n".join(lines) + "\n"


def _prepare(prepare: PrepareSettings) -> list[str]:
    lines = ["[repositories.prepare]", "commands = ["]
    lines += [*(f"    {_list(argv)}," for argv in prepare.commands), "]"]
    lines += [f"locks = {_list(prepare.locks)}", f"outputs = {_list(prepare.outputs)}"]
    if prepare.env:
        pairs = ", ".join(f"{_key(name)} = {text(value)}" for name, value in prepare.env.items())
        lines.append(f"env = {{ {pairs} }}")
    return lines


def appended(path: Path, repository: str) -> None:
    """Add a repository's block to a configuration file, which is made if it is not there; a link stays one.

    Raises:
        ConfigurationInvalid: the file cannot be read or written, or would not be valid then; it is as it was.
    """
    try:
        before = path.read_text("utf-8") if path.exists() else HEADER
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationInvalid(f"The configuration file {path} cannot be read.") from error
    after = f"{before.rstrip()}\n\n{repository}"
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.resolve().parent, prefix=f".{path.name}.", delete=False
        ) as file:
            new = Path(file.name)
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ConfigurationInvalid(f"The configuration file {path} cannot be written.") from error
    try:
        _require_valid(path, new, after)
        new.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        new.replace(path.resolve())
    finally:
        new.unlink(missing_ok=True)


def _require_valid(path: Path, new: Path, after: str) -> None:
    try:
        tomllib.loads(after)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationInvalid(
            f"Nothing can be added to {path} as it is ({error}). Correct it, or put the block in by hand: "
            "--print shows it."
        ) from error
    try:
        Settings.load(new)
    except ConfigurationInvalid as invalid:
        sentence = invalid.sentence.replace(str(new), str(path))
        raise ConfigurationInvalid(
            f"With this repository the configuration is not valid. {sentence}"
        ) from None


def text(value: str) -> str:
    """A TOML string; what is not plainly visible is written as an escape."""
    return '"' + "".join(_character(char) for char in value) + '"'


def _character(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    point = ord(char)
    if 0xD800 <= point < 0xE000:
        return "\\uFFFD"  # half a character, which TOML cannot hold
    return f"\\u{point:04X}" if point <= 0xFFFF else f"\\U{point:08X}"


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if plain else text(name)


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(text(value) for value in values)}]"


def _hint(values: Sequence[str], hint: str) -> str:
    return "" if values else f"  # {hint}"


def _comment(line: str) -> list[str]:
    return [f"# {json.dumps(line, ensure_ascii=True)[1:-1]}"] if line else []
