"""The pipelines as resources/*.yml describe them."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_TABLE = re.compile(r"\b(bronze|silver)\.([a-z_0-9]+)", re.IGNORECASE)
_CREATES = re.compile(r"CREATE\s+OR\s+REPLACE\s+(?:TABLE|VIEW)\s+(\w+\.\w+)", re.IGNORECASE)


class ModelInvalid(Exception):
    """A file is not a model; the message names it and what is missing."""


@dataclass(frozen=True)
class Pipeline:
    """A pipeline and the SQL files it runs, in the order they are listed."""

    name: str
    models: tuple[Path, ...]


def load(root: Path = ROOT) -> list[Pipeline]:
    """Every pipeline of the bundle."""
    found = []
    for resource in sorted((root / "resources").glob("*.yml")):
        content = yaml.safe_load(resource.read_text(encoding="utf-8"))
        for name, pipeline in content["resources"]["pipelines"].items():
            paths = [entry["file"]["path"] for entry in pipeline["libraries"]]
            models = tuple((resource.parent / path).resolve() for path in paths if path.endswith(".sql"))
            found.append(Pipeline(name, models))
    return found


def creates(model: Path) -> str:
    """The table or view a model creates, with its schema.

    Raises:
        ModelInvalid: the file creates none.
    """
    statement = _CREATES.search(_code(model))
    if statement is None:
        raise ModelInvalid(f"{model.parent.name}/{model.name}: no CREATE OR REPLACE TABLE or VIEW with a schema")
    return statement.group(1).lower()


def reads(model: Path) -> set[str]:
    """The tables a model mentions besides its own."""
    tables = {f"{schema}.{name}".lower() for schema, name in _TABLE.findall(_code(model))}
    return tables - {creates(model)}


def _code(model: Path) -> str:
    return _COMMENT.sub("", model.read_text(encoding="utf-8"))
