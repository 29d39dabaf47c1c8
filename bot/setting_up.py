"""`greenlight init` and `greenlight doctor`: a repository into the configuration, and whether all works."""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.terminal import ended

if TYPE_CHECKING:
    from engine.diagnoses import Diagnosis
    from engine.proposing import ProposedCheck
    from engine.settings import CheckSettings, RepositorySettings
    from engine.surveying import Survey

CONFIG = Path("greenlight.toml")


def init(
    repository: Annotated[str, typer.Argument(help="A local path, or an https or ssh URL.")] = ".",
    config: Annotated[Path, typer.Option(help="The TOML file to add the repository to.")] = CONFIG,
    name: Annotated[str | None, typer.Option(help="What to call it; otherwise as its path ends.")] = None,
    base: Annotated[str | None, typer.Option(help="The branch that pull requests go to.")] = None,
    remote: Annotated[
        str | None, typer.Option(help="Where branches are pushed, if not the repository that is looked at.")
    ] = None,
    channel: Annotated[list[str] | None, typer.Option(help="Id of a Slack channel; repeatable.")] = None,
    approver: Annotated[list[str] | None, typer.Option(help="Id of a Slack user; repeatable.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: take all that is proposed.")] = False,
    print_: Annotated[bool, typer.Option("--print", help="Only print what would be written.")] = False,
) -> None:
    """Look at a repository, propose its checks and how to prepare them, and add it to the configuration.

    Only committed files are read, and nothing of the repository is run. `greenlight doctor` tries it out.
    """
    wish = _Wish(config, remote, tuple(channel or ()), tuple(approver or ()), asks=not (yes or print_))
    sys.exit(ended(_init(repository, base, name, wish, only_print=print_)))


def doctor(
    config: Annotated[Path, typer.Option(help="The TOML file with the repositories.")] = CONFIG,
    repository: Annotated[str | None, typer.Option(help="Only this one, by name.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Try out whether all works: configuration, sandbox, remotes, dependencies, and every check at the base.

    Nothing is pushed, and nobody is written to. Run it as the user that runs the bot, which then finds the
    dependencies prepared. The exit code is 0 if nothing fails, else 1.
    """
    sys.exit(ended(_doctor(config, repository, as_json)))


# ---------------------------------------------------------------- init


@dataclass(frozen=True)
class _Wish:
    """What the operator gave on the command line; `asks`: the rest is asked for."""

    config: Path
    remote: str | None
    channels: tuple[str, ...]
    approvers: tuple[str, ...]
    asks: bool


async def _init(target: str, base: str | None, name: str | None, wish: _Wish, *, only_print: bool) -> int:
    from engine.configuring import appended, block
    from engine.surveying import survey

    if wish.asks and not sys.stdin.isatty():
        typer.echo("There is nobody to ask here: add --yes to take what is proposed, or --print.", err=True)
        return 2
    found = await survey(target, base, name, wish.remote)
    _tell(found)
    repository, told = _chosen(found, asks=wish.asks)
    channels, approvers = wish.channels, wish.approvers
    if wish.asks:
        channels = channels or _ids("Slack channels whose requests are about it (ids, with commas)")
        approvers = approvers or _ids("Who may approve (Slack user ids; none: anyone but who asks)")
    repository = repository.model_copy(update={"channels": channels, "approvers": approvers})
    text = block(repository, told)
    if only_print:
        typer.echo(text, nl=False)
        return 0
    appended(wish.config, text)
    typer.echo(f"Added {found.name} to {wish.config}. Try it out: greenlight doctor --config {wish.config}")
    return 0


def _tell(found: "Survey") -> None:
    from engine.story import visible

    typer.echo(f"Looked at {found.looked_at}, branch {found.base}, commit {found.commit[:10]}.", err=True)
    for note in found.proposal.notes:
        typer.echo(f"Note: {visible(note, 400)}", err=True)


def _chosen(found: "Survey", *, asks: bool) -> "tuple[RepositorySettings, dict[str, str]]":
    """The repository with what was confirmed, and what each part was read from."""
    from pydantic import ValidationError

    from engine.errors import ConfigurationInvalid
    from engine.prepare_settings import PrepareSettings
    from engine.settings import RepositorySettings

    told: dict[str, str] = {}
    checks: dict[str, CheckSettings] = {}
    for check in found.proposal.checks:
        argv = _confirmed(f"Check {check.name}", check.argv, check.where) if asks else check.argv
        if argv:
            checks[check.name] = _settings_of(check, argv)
            told[check.name] = f"From {check.where}."
    proposed, prepare = found.proposal.prepare, None
    if proposed is not None:
        commands = proposed.commands
        if asks:
            answers = [_confirmed("Prepare, with network", argv, proposed.where) for argv in commands]
            commands = tuple(argv for argv in answers if argv)
        if commands:
            try:
                prepare = PrepareSettings(
                    commands=commands, locks=proposed.locks, outputs=proposed.outputs, env=dict(proposed.env)
                )
            except ValidationError as error:
                why = error.errors(include_url=False, include_input=False)[0]["msg"]
                raise ConfigurationInvalid(f"Dependencies cannot be prepared so: {why}.") from None
            told["prepare"] = (
                f"From {proposed.where}. Run with network, without secrets; sees only the locks."
            )
    repository = RepositorySettings(
        name=found.name, remote=found.remote, base=found.base, checks=checks, prepare=prepare
    )
    return repository, told


def _settings_of(check: "ProposedCheck", argv: tuple[str, ...]) -> "CheckSettings":
    from engine.settings import CheckSettings

    return CheckSettings(argv=argv, about=check.about, timeout_s=check.timeout_s, memory_mb=check.memory_mb)


def _confirmed(what: str, argv: tuple[str, ...], where: str) -> tuple[str, ...]:
    """The command that the operator wants; none if they want none."""
    from engine.story import visible

    typer.echo(f"\n{what}: {visible(shlex.join(argv), 400)}\n  from {visible(where, 200)}")
    while True:
        answer = typer.prompt("  Take it? y, n, or another command", default="y").strip()
        if answer.lower() in {"y", "yes"}:
            return argv
        if answer.lower() in {"n", "no"}:
            return ()
        try:
            return tuple(shlex.split(answer))
        except ValueError:
            typer.echo("  That cannot be split into words: is a quote open?")


def _ids(what: str) -> tuple[str, ...]:
    answer = typer.prompt(f"\n{what}", default="", show_default=False)
    return tuple(answer.replace(",", " ").split())


# ---------------------------------------------------------------- doctor


async def _doctor(config: Path, name: str | None, as_json: bool) -> int:
    from engine.diagnoses import Level
    from engine.doctor import examine
    from engine.errors import ConfigurationInvalid
    from engine.settings import Settings

    settings = Settings.load(config)
    wanted = [one for one in settings.repositories if name in {None, one.name}]
    if name is not None and not wanted:
        known = ", ".join(one.name for one in settings.repositories) or "none"
        raise ConfigurationInvalid(f"There is no repository {name} in {config}; configured: {known}.")
    made: list[Diagnosis] = []
    if not as_json:
        typer.echo(f"ok    configuration: {config} is valid")
    async for diagnosis in examine(settings, wanted, os.environ, _progress):
        made.append(diagnosis)
        typer.echo(diagnosis.model_dump_json() if as_json else "\n".join(_lines(diagnosis)))
    failed = sum(diagnosis.level is Level.FAIL for diagnosis in made)
    if not as_json:
        typer.echo(_sum(made, failed))
    return 1 if failed else 0


def _progress(line: str) -> None:
    typer.echo(f"… {line}", err=True)


def _lines(diagnosis: "Diagnosis") -> Sequence[str]:
    from engine.story import visible

    where = f"{diagnosis.repository}, {diagnosis.about}" if diagnosis.repository else diagnosis.about
    lines = [f"{diagnosis.level.value:5} {where}: {visible(diagnosis.text, 600)}"]
    if diagnosis.next:
        lines += [f"      {'→' if not number else ' '} {line}" for number, line in
                  enumerate(visible(diagnosis.next, 2000).splitlines())]  # fmt: skip
    lines += [f"      | {visible(line, 200)}" for line in diagnosis.output.splitlines()]
    return lines


def _sum(made: "Sequence[Diagnosis]", failed: int) -> str:
    if failed:
        return f"\n{failed} of {len(made)} failed."
    return "\nNothing fails."
