"""A small warehouse in memory: the sources from test/data, and models built on them."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from harness import pipelines
from harness.pipelines import ROOT

_SETTINGS = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "256MB",
    "threads": "1",
}


class BuildFailed(Exception):
    """A model could not be built; the message names its file."""


def open_warehouse(root: Path = ROOT) -> duckdb.DuckDBPyConnection:
    """Every file of test/data as a table of the bronze schema; silver is empty."""
    warehouse = duckdb.connect(":memory:", config=_SETTINGS)
    warehouse.execute("CREATE SCHEMA bronze; CREATE SCHEMA silver; SET TimeZone = 'UTC'")
    for source in sorted((root / "test" / "data").iterdir()):
        reader = {".csv": "read_csv", ".json": "read_json"}.get(source.suffix)
        if reader:
            warehouse.execute(
                f"CREATE TABLE bronze.{source.stem} AS SELECT * FROM {reader}(?)", [str(source)]
            )
    return warehouse


def build(warehouse: duckdb.DuckDBPyConnection, models: Iterable[Path]) -> None:
    """Build models, each after those of them it reads from.

    Raises:
        BuildFailed: a file is missing, is not valid SQL, reads what nobody builds, or goes in circles.
    """
    waiting = {_created(model): model for model in models}
    while waiting:
        ready = [table for table, model in waiting.items() if not pipelines.reads(model) & waiting.keys()]
        if not ready:
            raise BuildFailed(f"these models read from each other in a circle: {', '.join(waiting)}")
        for table in ready:
            _execute(warehouse, waiting.pop(table))


def build_listed(warehouse: duckdb.DuckDBPyConnection, root: Path = ROOT) -> None:
    """Build what the pipelines list, and nothing else."""
    build(warehouse, [model for pipeline in pipelines.load(root) for model in pipeline.models])


def rows(warehouse: duckdb.DuckDBPyConnection, query: str) -> list[tuple]:
    """The result of a query."""
    return warehouse.execute(query).fetchall()


def _created(model: Path) -> str:
    try:
        return pipelines.creates(model)
    except FileNotFoundError:
        raise BuildFailed(f"{model.name} is listed by a pipeline, but there is no such file") from None
    except pipelines.ModelInvalid as error:
        raise BuildFailed(str(error)) from error


def _execute(warehouse: duckdb.DuckDBPyConnection, model: Path) -> None:
    try:
        warehouse.execute(model.read_text(encoding="utf-8"))
    except duckdb.Error as error:
        raise BuildFailed(f"{model.parent.name}/{model.name} cannot be built: {error}") from error
