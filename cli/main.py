"""The `riverguard` command: one function per command, one place that prints errors."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

from cli.kernels import ensure_compiled, use_kernel_cache

use_kernel_cache()

import typer  # noqa: E402 - kernels must know their cache before anything of models is imported

from cli.errors import report  # noqa: E402
from models.errors import ConfigError, RiverguardError  # noqa: E402

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None,
                  pretty_exceptions_enable=False,
                  help="A streaming engine for fraud and anomaly detection.")  # fmt: skip
alerts_app = typer.Typer(no_args_is_help=True, help="Read alerts from Redis.")
app.add_typer(alerts_app, name="alerts")
state_app = typer.Typer(no_args_is_help=True, help="Look into a state directory.")
app.add_typer(state_app, name="state")

Config = Annotated[Path | None, typer.Option("--config", "-c", help="Settings file.")]
State = Annotated[
    Path | None, typer.Option("--state", help="Directory to keep, and to resume from.")
]
Redis = Annotated[str | None, typer.Option("--redis", help="URL of a Redis server.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]


@app.command()
def demo(
    source: Annotated[Path | None, typer.Argument(help="A file, not the simulator.")] = None,
    packs: Annotated[str | None, typer.Option(help="Packs, by comma.")] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop so long after the first event.")
    ] = None,
    rate: Annotated[
        float, typer.Option(min=0, help="Simulated events per second; 0: full speed.")
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="Of the simulated world.")] = 7,
    state: State = None,
    config: Config = None,
    headless: Annotated[bool, typer.Option("--headless", help="Plain lines, no panel.")] = False,
) -> None:
    """Run the whole engine on simulated traffic and show the alerts."""
    ensure_compiled()
    from cli.demo import demo as run  # noqa: PLC0415 - each command pays for its own imports

    run(source, packs.split(",") if packs else None, config, seconds=seconds, rate=rate,
        seed=seed, state=state, headless=headless)  # fmt: skip


@app.command()
def score(
    pack: Annotated[str, typer.Argument(help="Name or path of a pack.")],
    source: Annotated[str, typer.Argument(help=".ndjson, .gz, .parquet, .csv, or - for stdin.")],
    scores: Annotated[
        Path | None, typer.Option("-o", "--scores", help="Parquet, a row per event.")
    ] = None,
    alerts: Annotated[Path | None, typer.Option(help="NDJSON of the alerts.")] = None,
    dead_letters: Annotated[Path | None, typer.Option(help="NDJSON of rejected records.")] = None,
    late: Annotated[Path | None, typer.Option(help="NDJSON of late events.")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(help="When the file counts as received (UTC).")
    ] = None,
    config: Config = None,
) -> None:
    """Score every event of a file, in event-time order."""
    ensure_compiled()
    from cli.score import score as run  # noqa: PLC0415

    run(pack, source, scores=scores, alerts=alerts, dead_letters=dead_letters, late=late,
        as_of=as_of, config=config)  # fmt: skip


@app.command()
def run(
    config: Config = None,
    host: Annotated[str | None, typer.Option(help="Which of the settings' hosts this is.")] = None,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Stop at the end that the topic has now.")
    ] = False,
) -> None:
    """Run the production job: Kafka to Kafka and Redis, one process per core."""
    ensure_compiled()
    from cli.run import run as start  # noqa: PLC0415

    raise typer.Exit(start(config, host, until_end=until_end))


@app.command()
def tick(
    config: Config = None,
    every: Annotated[str, typer.Option(help="From one tick to the next.")] = "10s",
    behind: Annotated[
        str, typer.Option(help="How far behind the clock: what is older has surely come.")
    ] = "5m",
) -> None:
    """Tell the topic of events what time it is, for rules with absent where little happens."""
    from cli.tick import tick as run  # noqa: PLC0415

    run(config, every, behind)


@app.command(hidden=True)
def work(
    index: Annotated[int, typer.Argument(help="Number among all processes.")],
    config: Config = None,
    until_end: Annotated[bool, typer.Option("--until-end")] = False,
) -> None:
    """Be one process of `run`; started by it."""
    from cli.work import work as start  # noqa: PLC0415

    start(config, index, until_end=until_end)


@app.command()
def check(
    packs: Annotated[
        list[str] | None, typer.Argument(help="Names or paths; all shipped ones.")
    ] = None,
    cost: Annotated[
        bool,
        typer.Option(
            "--cost",
            help="Also measure on simulated traffic what each feature and rule costs in time and"
            " memory: what the packs save without it. Takes minutes for large packs.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    config: Config = None,
) -> None:
    """Load packs, plan them and run their examples."""
    ensure_compiled()
    from cli.check import check as run  # noqa: PLC0415

    if not run(packs or [], config, with_cost=cost, as_json=as_json):
        raise typer.Exit(1)


@app.command()
def schema(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file, not the terminal.")
    ] = None,
) -> None:
    """Print the JSON Schema of packs, for editors."""
    from cli.schema import schema as run  # noqa: PLC0415

    run(output)


@app.command()
def simulate(
    output: Annotated[Path, typer.Option("-o", "--output", help="NDJSON of the events.")],
    truth: Annotated[Path | None, typer.Option(help="NDJSON of the incidents.")] = None,
    days: Annotated[float, typer.Option(help="Simulated days.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the world.")] = 7,
    accounts: Annotated[int, typer.Option(help="Accounts.")] = 20_000,
    instruments: Annotated[int, typer.Option(help="Instruments.")] = 24,
    each: Annotated[
        int, typer.Option(min=0, help="Incidents of each typology of the catalogue.")
    ] = 0,
) -> None:
    """Write labelled synthetic traffic."""
    from cli.simulate import simulate as run  # noqa: PLC0415

    run(output, truth, days=days, seed=seed, accounts=accounts, instruments=instruments, each=each)


@alerts_app.command("tail")
def alerts_tail(
    count: Annotated[int, typer.Option("-n", min=1, help="How many of the newest.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more.")] = False,
    redis: Redis = None,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Print the newest alerts."""
    from cli.alerts import tail  # noqa: PLC0415

    tail(redis, state, count=count, follow=follow, as_json=as_json)


@alerts_app.command("show")
def alerts_show(
    alert_id: Annotated[str, typer.Argument(help="An alert's id.")],
    redis: Redis = None,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Explain one alert."""
    from cli.alerts import show  # noqa: PLC0415

    if not show(redis, state, alert_id, as_json=as_json):
        raise typer.Exit(1)


@state_app.command("list")
def state_list(state: State = None, config: Config = None, as_json: AsJson = False) -> None:
    """List what is stored, by component and shard."""
    from cli.state import list_state  # noqa: PLC0415

    list_state(state, config, as_json=as_json)


@state_app.command("verify")
def state_verify(state: State = None, config: Config = None, as_json: AsJson = False) -> None:
    """Read every stored byte and check it."""
    from cli.state import verify_state  # noqa: PLC0415

    if not verify_state(state, config, as_json=as_json):
        raise typer.Exit(1)


@state_app.command("lookup")
def state_lookup(
    column: Annotated[str, typer.Argument(help="What it is: account, customer, device, …")],
    entity: Annotated[str, typer.Argument(help="Its value.")],
    tenant: Annotated[str, typer.Option(help="Whose.")] = "",
    packs: Annotated[str | None, typer.Option(help="Packs, by comma.")] = None,
    state: State = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show the features of one entity, as of the newest committed event."""
    from cli.state import lookup_state  # noqa: PLC0415

    chosen = packs.split(",") if packs else None
    lookup_state(column, entity, tenant, state, config, chosen, as_json=as_json)


def main() -> None:
    """Run a command; errors are one message with a hint, and an exit code."""
    try:
        app(prog_name="riverguard")
    except ConfigError as error:
        report(error)
        sys.exit(2)
    except RiverguardError as error:
        report(error)
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        # a path that somebody named: no permission, a file where a folder should be
        hint = "check the path, and who may read and write it"
        report(RiverguardError(f"{error.filename}: {error.strerror}", hint=hint))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
