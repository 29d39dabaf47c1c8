"""The `greenlight` commands. Heavy imports wait until a command needs them."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import keeping, setting_up
from bot.terminal import ended as _run
from bot.terminal import err, out
from bot.terminal import plain as _plain
from engine.errors import GreenlightError

if TYPE_CHECKING:
    from bot.playground.demo import Demo, DemoOptions
    from engine.settings import Settings

DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]

app = typer.Typer(
    name="greenlight",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A project manager for coding agents, in Slack. Start with: greenlight demo",
)


@app.callback()
def _every_command(
    context: typer.Context,
    log_level: Annotated[
        str | None,
        typer.Option(
            "--log-level",
            "--log",
            envvar="GREENLIGHT_LOG_LEVEL",
            help="Least level of log lines on standard error: debug, info, warning, error. "
            "Info for `run`, else warning.",
        ),
    ] = None,
) -> None:
    import os

    from bot.logs import LEVELS, configure
    from engine import own_secrets

    level = log_level or ("info" if context.invoked_subcommand == "run" else "warning")
    if level not in LEVELS:
        raise typer.BadParameter(f"choose one of {', '.join(LEVELS)}", param_hint="--log-level")
    own_secrets.learn_from(os.environ)
    configure(level)


@app.command()
def demo(
    headless: Annotated[
        str | None,
        typer.Option(help="Play this situation with scripted people, without a page; 'all' plays each."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --headless: print one JSON object a line.")
    ] = False,
    variant: Annotated[
        str | None, typer.Option(help="A perturbed script, such as never-added; see the scenario files.")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(help="Keep state, messages and remote in this directory, go on with them."),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Ask a real model: needs ANTHROPIC_API_KEY, costs money.")
    ] = False,
    port: Annotated[int, typer.Option(help="Port of the page on 127.0.0.1; 0 takes a free one.")] = 0,
    pace: Annotated[
        float | None,
        typer.Option(min=0, help="Factor on the script's pauses: 1, but 0 (at once) with --headless."),
    ] = None,
) -> None:
    """Play with Greenlight: a local Slack in your browser, a sample repository, a scripted model.

    Nothing leaves this machine and nothing needs an account. The model's answers are a rehearsal; the
    checks, the commit, the sandbox and the pull request are real.
    """
    from bot.playground.demo import DemoOptions

    options = DemoOptions(
        port=port,
        keep=keep.resolve() if keep else None,
        live=live,
        pace=pace,
        variant=variant,
        headless=headless is not None,
    )
    if headless is not None:
        sys.exit(_run(_headless(headless, options, as_json)))
    sys.exit(_run(_page(options)))


@app.command()
def run(
    config: Annotated[Path, typer.Option(help="The TOML file; the README shows a commented one.")] = Path(
        "greenlight.toml"
    ),
    webhook_port: Annotated[
        int | None, typer.Option(help="Take GitHub's webhooks at this port, path /github.")
    ] = None,
    webhook_host: Annotated[str, typer.Option(help="The address to take them at.")] = "127.0.0.1",
    http_port: Annotated[
        int | None,
        typer.Option(help="Take Slack's requests at this port, path /slack/events, instead of Socket Mode."),
    ] = None,
    http_host: Annotated[str, typer.Option(help="The address to take them at.")] = "127.0.0.1",
    health_port: Annotated[
        int | None, typer.Option(help="Tell at this port how it is: /healthz, /readyz, /metrics.")
    ] = None,
    health_host: Annotated[str, typer.Option(help="The address to tell it at.")] = "127.0.0.1",
) -> None:
    """Run for a real Slack workspace, in Socket Mode: no public address is needed.

    Secrets come from the environment: SLACK_BOT_TOKEN, SLACK_APP_TOKEN (with --http-port SLACK_SIGNING_SECRET
    instead), ANTHROPIC_API_KEY, and GITHUB_WEBHOOK_SECRET with --webhook-port.
    """
    from engine.settings import Settings

    try:
        settings = Settings.load(config)
    except GreenlightError as problem:
        err.print(f"[red]{_plain(problem.sentence)}[/red]")
        sys.exit(2)
    place = None if webhook_port is None else (webhook_host, webhook_port)
    http = None if http_port is None else (http_host, http_port)
    health = None if health_port is None else (health_host, health_port)
    sys.exit(_run(_serve(settings, place, http, health)))


@app.command()
def show(
    request: Annotated[
        str | None,
        typer.Argument(help="Its id, the beginning of its id or thread, or a link to it; none lists all."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="The TOML file that names the state directory.")] = None,
    state: Annotated[Path | None, typer.Option(help="The state directory itself.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Tell what happened in a request, from its journal; also while the bot runs."""
    sys.exit(_run(_show(request, config, state, as_json)))


@app.command()
def stats(
    config: Annotated[Path | None, typer.Option(help="The TOML file that names the state directory.")] = None,
    state: Annotated[Path | None, typer.Option(help="The state directory itself.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only requests opened since then, UTC.", formats=DATES)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Count what became of requests: drafts, merged, closed and why, times and cost; from the journal."""
    sys.exit(_run(_stats(config, state, since, as_json)))


@app.command()
def agents(
    config: Annotated[Path, typer.Option(help="The TOML file with the repositories.")] = Path(
        "greenlight.toml"
    ),
    repository: Annotated[str | None, typer.Option(help="Only this one, by name.")] = None,
) -> None:
    """List the agents each repository gets: built in, added or narrowed by its own files, or left out."""
    sys.exit(_run(_agents(config, repository)))


app.command("init")(setting_up.init)
app.command("doctor")(setting_up.doctor)
app.command("backup")(keeping.backup)
app.command("restore")(keeping.restore)
app.command("forget")(keeping.forget)


def main() -> None:
    """Entry point of the `greenlight` command."""
    app()


# ---------------------------------------------------------------- what the commands do


async def _page(options: "DemoOptions") -> int:
    from bot.playground.demo import Demo

    demo = Demo(options)
    try:
        await demo.start()
        stop = _interruptions()
        _print_welcome(demo)
        await _until_interrupted(stop)
    finally:
        await demo.close()
    return 0


def _print_welcome(demo: "Demo") -> None:
    lines = [
        "",
        f"[bold]Greenlight is running.[/bold] Open  [bold cyan]{demo.slack.page_url}[/bold cyan]",
        "",
        "In #data-eng, as Riley Chen, send:",
        "    @Greenlight Add a new metric to track conversation resolution time",
        "Answer the questions, then act as Dana Osei to approve the spec, and watch.",
        "",
        f"Sandbox: {_plain(demo.isolation)}",
        f"State:   {_plain(str(demo.directory))}" + ("" if demo.options.keep else " (removed at the end)"),
        "Stop with Ctrl+C.",
    ]
    out.print("\n".join(lines))


async def _headless(name: str, options: "DemoOptions", as_json: bool) -> int:
    from bot.playground import headless
    from bot.playground.script import ScenarioInvalid

    names = headless.situations() if name == "all" else (name,)
    failed = False
    for each in names:
        try:
            outcome = await headless.play(each, options)
        except ScenarioInvalid as problem:
            err.print(_plain(str(problem)))
            return 2
        failed = failed or not outcome["ok"]
        text = headless.as_line(outcome) if as_json else headless.as_text(outcome)
        sys.stdout.write(text + "\n")
    return 1 if failed else 0


async def _serve(
    settings: "Settings",
    webhooks: tuple[str, int] | None,
    http: tuple[str, int] | None,
    health: tuple[str, int] | None,
) -> int:
    from bot.app import connect_from_environment
    from bot.health import Health
    from bot.installation import lost
    from bot.webhook import PATH, Webhook, secret_of

    secret = secret_of() if webhooks else ""
    async with AsyncExitStack() as at_the_end:
        told = Health()
        if health:  # first, as the start may wait for Slack
            await told.start(*health)
            at_the_end.push_async_callback(told.close)
            out.print(f"Health is told at {_plain(health[0])}:{told.port}.")
        running = await connect_from_environment(settings, http, told.say)
        at_the_end.push_async_callback(running.close)
        told.watch(running.engine, running.app)
        at_the_end.callback(told.say, "Greenlight is ending.")
        if webhooks:
            webhook = Webhook(secret, running.engine.look_at)
            await webhook.start(*webhooks)
            at_the_end.push_async_callback(webhook.close)
            out.print(f"Webhooks are taken at {_plain(webhooks[0])}:{webhook.port}{PATH}.")
        if http:
            out.print(
                f"Slack's requests are taken at {_plain(http[0])}:{running.app.http_port}/slack/events."
            )
        stop = _interruptions()  # whoever reads that it is connected may end it at once
        if running.app.why_not:
            why = _plain(running.app.why_not)
            out.print(f"{why} Greenlight connects as soon as Slack answers. Stop with Ctrl+C.")
        else:
            out.print("Greenlight is connected. Mention it in a configured channel. Stop with Ctrl+C.")
        if not await _until_interrupted(stop, running.app.lost()):
            raise lost()
    return 0


async def _show(request: str | None, config: Path | None, state: Path | None, as_json: bool) -> int:
    from bot import inspecting
    from engine import inspecting as records

    directory = state or settings_of(config).state_dir
    if request is None:
        found = await records.requests(directory)
        sys.stdout.write(
            "".join(f"{one.model_dump_json()}\n" for one in found)
            if as_json
            else f"{inspecting.listed(found)}\n"
        )
        return 0
    story = await records.story(directory, keeping.named(request))
    sys.stdout.write(f"{story.model_dump_json() if as_json else inspecting.told(story)}\n")
    return 0


async def _stats(config: Path | None, state: Path | None, since: datetime | None, as_json: bool) -> int:
    from bot import inspecting
    from bot.playground.slack.state import TEAM
    from engine import inspecting as records

    directory = state or settings_of(config).state_dir
    found = await records.stats(directory, since.replace(tzinfo=UTC) if since else None)
    text = found.model_dump_json() if as_json else inspecting.counted(found, TEAM)
    sys.stdout.write(f"{text}\n")
    return 0


async def _agents(config: Path, name: str | None) -> int:
    from bot import inspecting
    from engine.errors import ConfigurationInvalid
    from engine.inspecting import seats

    settings = settings_of(config)
    wanted = [one for one in settings.repositories if name in {None, one.name}]
    if not wanted:
        known = ", ".join(one.name for one in settings.repositories) or "none"
        raise ConfigurationInvalid(f"There is no such repository in {config}; configured: {known}.")
    for number, repository in enumerate(wanted):
        gap = "\n" if number else ""
        sys.stdout.write(f"{gap}{inspecting.seated(await seats(repository))}\n")
    return 0


def settings_of(config: Path | None) -> "Settings":
    """The named file's; without one, greenlight.toml if it is there, else what holds without a file."""
    from engine.settings import Settings

    usual = Path("greenlight.toml")
    return Settings.load(config or (usual if usual.is_file() else None))


def _interruptions() -> asyncio.Event:
    """Set once a signal asks for the end. From now on signals end nothing by themselves."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _until_interrupted(stop: asyncio.Event, other: Coroutine[Any, Any, None] | None = None) -> bool:
    """Return once `_interruptions` tells of a signal, or `other` ends; whether it was a signal."""
    waits = [asyncio.ensure_future(one) for one in (stop.wait(), other) if one is not None]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for one in waits:
        one.cancel()
    return stop.is_set()


if __name__ == "__main__":
    main()
