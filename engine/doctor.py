"""Whether everything is there that a configuration needs, tried out: what is well, what is not, what to do.

Each examination is a function that yields diagnoses; those of EXAMINATIONS are made of every repository whose
base branch could be fetched. To have another one made, write it and add it there.
"""

import asyncio
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from engine.dependencies import Dependencies, Tell, silent
from engine.diagnoses import Diagnosis, Examination, Level, Patient
from engine.errors import GreenlightError
from engine.failed_checks import explained, tail
from engine.old_secrets import records
from engine.ports import Ended, Sandbox
from engine.repositories import Repositories
from engine.settings import RepositorySettings, Settings
from engine.story import visible

_USER_ID = re.compile(r"[UW][A-Z0-9]{2,20}")
_SLOW = 0.5
"""Of its time limit: a check that takes longer at the base will meet the limit on a busy day."""


async def examine(
    settings: Settings,
    repositories: Sequence[RepositorySettings],
    environment: Mapping[str, str],
    tell: Tell = silent,
) -> AsyncIterator[Diagnosis]:
    """Try out what a configuration needs; each diagnosis as soon as it is made.

    Nothing is pushed and nobody is written to. Dependencies are prepared where a running bot finds them.

    Args:
        settings: The configuration, which is valid if it could be loaded.
        repositories: Those to look at.
        environment: Where secrets are looked for; none is shown.
        tell: Says what takes long, while it does.
    """
    for diagnosis in _secrets(environment):
        yield diagnosis
    yield _state_dir(settings.state_dir)
    yield await asyncio.to_thread(records, settings.state_dir)
    sandbox, diagnosis = await _sandbox(settings)
    yield diagnosis
    if not settings.repositories:
        yield Diagnosis(
            level=Level.FAIL,
            about="repositories",
            text="no repository is configured",
            next="`greenlight init PATH_OR_URL` proposes one.",
        )
    for repository in repositories:
        async for diagnosis in _repository(settings, repository, sandbox, environment, tell):
            yield diagnosis


# ---------------------------------------------------------------- what concerns all


def _secrets(environment: Mapping[str, str]) -> list[Diagnosis]:
    kinds = (
        ("Slack's bot token", ("SLACK_BOT_TOKEN",), "xoxb-", "Slack shows it on “OAuth & Permissions”."),
        _way_to_slack(environment),
        (
            "the model's key",
            ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
            "",
            "The provider's console makes one.",
        ),
    )
    return [_secret(environment, *kind) for kind in kinds]


def _way_to_slack(environment: Mapping[str, str]) -> tuple[str, tuple[str, ...], str, str]:
    where = "Slack shows it on “Basic Information”."
    if (
        environment.get("SLACK_SIGNING_SECRET", "").strip()
        and not environment.get("SLACK_APP_TOKEN", "").strip()
    ):
        return "Slack's signing secret, which --http-port needs,", ("SLACK_SIGNING_SECRET",), "", where
    return "Slack's app token", ("SLACK_APP_TOKEN",), "xapp-", where


def _secret(
    environment: Mapping[str, str], what: str, names: Sequence[str], begins: str, where: str
) -> Diagnosis:
    name = next((name for name in names if environment.get(name, "").strip()), None)
    if name is None:
        return Diagnosis(
            level=Level.WARN,
            about=names[0],
            text=f"{what} is not set in this environment",
            next=f"{where} The bot needs it; secrets come from the environment only.",
        )
    if not environment[name].strip().startswith(begins):
        return Diagnosis(level=Level.FAIL, about=name, text=f"{what} should begin with {begins}", next=where)
    return Diagnosis(level=Level.OK, about=name, text="is set (whether it is valid, the bot's start tells)")


def _state_dir(path: Path) -> Diagnosis:
    there = next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Diagnosis(level=Level.OK, about="state_dir", text=f"{path} can be written")
    return Diagnosis(
        level=Level.FAIL,
        about="state_dir",
        text=f"{path} cannot be written",
        next="Make it, owned by the user that runs the bot, or set another `state_dir`.",
    )


async def _sandbox(settings: Settings) -> tuple[Sandbox | None, Diagnosis]:
    from engine.adapters.bubblewrap import BubblewrapSandbox

    try:
        sandbox = BubblewrapSandbox(more=settings.toolchain)
        line = await sandbox.probe()
    except GreenlightError as unavailable:
        return None, Diagnosis(
            level=Level.FAIL, about="sandbox", text="commands cannot be isolated", next=unavailable.sentence
        )
    return sandbox, Diagnosis(level=Level.OK, about="sandbox", text=line)


# ---------------------------------------------------------------- a repository


async def _repository(
    settings: Settings,
    repository: RepositorySettings,
    sandbox: Sandbox | None,
    environment: Mapping[str, str],
    tell: Tell,
) -> AsyncIterator[Diagnosis]:
    with tempfile.TemporaryDirectory(prefix="greenlight-doctor-") as place:
        room = Path(place)
        try:
            repositories = Repositories((repository,), room, environment)
            workspace = repositories.workspace(repository)
            commit = await workspace.refresh()
        except GreenlightError as unusable:
            yield Diagnosis(
                level=Level.FAIL,
                repository=repository.name,
                about="remote",
                text=f"{repository.remote}, branch {repository.base}, cannot be fetched",
                next=unusable.sentence,
            )
            return
        dependencies = None
        if sandbox is not None:
            kept = settings.state_dir / "prepared"
            dependencies = Dependencies(repository.name, repository.prepare, workspace, sandbox, kept)
        patient = Patient(
            settings, repository, repositories, workspace, sandbox, dependencies, commit, room, tell
        )
        yield patient.says(Level.OK, "remote", f"{repository.remote}, {repository.base} is at {commit[:10]}")
        for examination in EXAMINATIONS:
            async for diagnosis in examination(patient):
                yield diagnosis


async def _people(patient: Patient) -> AsyncIterator[Diagnosis]:
    repository = patient.repository
    if not repository.channels:
        yield patient.says(
            Level.WARN, "channels", "no channel leads to it", "Name the ids of Slack channels in `channels`."
        )
    if not repository.approvers:
        yield patient.says(
            Level.WARN,
            "approvers",
            "anyone in the channel but the requester may approve",
            "Name who may in `approvers`, by their Slack user ids.",
        )
    odd = [one for one in repository.approvers if not _USER_ID.fullmatch(one)]
    if odd:
        yield patient.says(
            Level.WARN,
            "approvers",
            f"{', '.join(odd)}: that is no Slack user id, so nobody approves by it",
            "Slack shows ids such as U0123456789 in a profile: “Copy member ID”.",
        )


async def _checks(patient: Patient) -> AsyncIterator[Diagnosis]:
    """What checks need is prepared, then each is run at the base, as it is for a request."""
    if not patient.repository.checks:
        yield patient.says(
            Level.WARN,
            "checks",
            "no check is configured, so no criterion can be settled by one",
            "`greenlight init REPOSITORY --print` proposes some.",
        )
    if patient.dependencies is None:
        return
    if patient.repository.prepare is not None:
        began = time.monotonic()
        try:
            await patient.dependencies.ready(patient.commit, patient.tell)
        except GreenlightError as failed:
            yield patient.says(Level.FAIL, "prepare", "dependencies cannot be prepared", failed.sentence)
            for name in patient.repository.checks:
                yield patient.says(Level.WARN, f"check {name}", "was not run: it needs the dependencies")
            return
        outputs = ", ".join(patient.repository.prepare.outputs)
        yield patient.says(Level.OK, "prepare", f"{outputs} in {time.monotonic() - began:.1f} s")
    for name in patient.repository.checks:
        patient.tell(f"Running check {name}")
        yield await _check(patient, patient.dependencies, name)


async def _check(patient: Patient, dependencies: Dependencies, name: str) -> Diagnosis:
    from engine.runs.verify import command

    check = patient.repository.checks[name]
    tree = patient.room / "tree"
    about = f"check {name}"
    try:
        await patient.workspace.checkout(patient.commit, tree)
        done = await dependencies.sandbox(patient.commit).run(command(check, tree))
    except GreenlightError as failed:
        return patient.says(Level.FAIL, about, "could not be run", failed.sentence)
    if done.ended is not Ended.EXIT or done.exit_code != 0:
        why = explained(check, done, prepares=patient.repository.prepare is not None)
        told = f"{why.what}: {why.line}" if why.line else why.what
        return patient.says(Level.FAIL, about, told, why.next, tail(done.output))
    took = f"“{' '.join(check.argv)}” is green at the base, in {done.duration_s:.1f} s"
    if done.duration_s > _SLOW * check.timeout_s:
        return patient.says(
            Level.WARN, about, f"{took} of {check.timeout_s:g}", "Raise `timeout_s`: others may be running."
        )
    return patient.says(Level.OK, about, took)


async def _forge(patient: Patient) -> AsyncIterator[Diagnosis]:
    """What the credentials can see at GitHub, for a repository that is there."""
    for trial in await patient.repositories.tried(patient.repository, patient.commit):
        level = Level.OK if trial.well else Level.WARN if trial.bearable else Level.FAIL
        yield patient.says(level, "github", trial.text, trial.next)


async def _workflows(patient: Patient) -> AsyncIterator[Diagnosis]:
    """What our pushes and pull requests would run with more than reading rights."""
    from engine.runs.pushing import workflows_with_secrets

    repository = patient.repository
    branch = f"{repository.branch_prefix}what-is-asked-for-0a1b2c"
    found = await workflows_with_secrets(patient.workspace, repository, [patient.commit], branch)
    for one in found:
        accepted = one.path in repository.accepted_workflows
        on = f" on {', '.join(one.on)}" if one.on else ""
        yield patient.says(
            Level.OK if accepted else Level.WARN,
            "workflow",
            f"{visible(one.path)} would run{on} for branches of ours: {'; '.join(one.why)}",
            ""
            if accepted
            else "Each push then needs an approval of its own. Keep it away from branches beneath "
            f"{repository.branch_prefix}, name it in `accepted_workflows`, or, if it only lacks permissions "
            'and the default ones are to read, set `default_workflow_permissions = "read"`.',
        )
    for path in set(repository.accepted_workflows) - {one.path for one in found}:
        yield patient.says(
            Level.WARN, "workflow", f"{path} is accepted, but nothing of it would run", "Take it out."
        )
    if not found:
        yield patient.says(
            Level.OK,
            "workflow",
            "nothing takes more than reading rights for our branches, as far as files and settings tell",
        )


EXAMINATIONS: Sequence[Examination] = (_people, _forge, _workflows, _checks)
