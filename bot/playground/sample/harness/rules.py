"""Data-quality rules in the form of dqx_*.yml, as SQL that finds the rows that violate them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class RulesInvalid(Exception):
    """A rule file cannot be used; the message names it and what is wrong."""


@dataclass(frozen=True)
class Rule:
    """One rule. `violation` is an SQL condition that is true for bad rows."""

    name: str
    is_error: bool
    violation: str


@dataclass(frozen=True)
class RuleFile:
    """The rules of one table, and the SQL file that makes the table."""

    path: Path
    table: str
    model: Path
    rules: tuple[Rule, ...]


def load(path: Path) -> RuleFile:
    """Read a rule file.

    Raises:
        RulesInvalid: not YAML, no table, model or checks, an unknown function, or wrong arguments.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        checks = content["checks"]
        if not checks:
            raise RulesInvalid(f"{path.name}: there are no checks")
        rules = tuple(_rule(path, check, content["table"]) for check in checks)
        model = path.parent / content["model"]
        return RuleFile(path, content["table"].lower(), model, rules)
    except yaml.YAMLError as error:
        raise RulesInvalid(f"{path.name} is not YAML: {error}") from error
    except KeyError as error:
        raise RulesInvalid(f"{path.name}: {error.args[0]} is missing") from error
    except (AttributeError, TypeError) as error:
        raise RulesInvalid(f"{path.name} does not have the form of a rule file: {error}") from error


def _rule(path: Path, check: dict[str, Any], table: str) -> Rule:
    name, function = check["name"], check["check"]["function"]
    criticality = check.get("criticality", "error")
    if criticality not in {"error", "warn"}:
        raise RulesInvalid(f"{path.name}: rule {name} has criticality {criticality}, not error or warn")
    if function not in _VIOLATIONS:
        raise RulesInvalid(f"{path.name}: rule {name} uses the unknown function {function}")
    violation = _VIOLATIONS[function](check["check"]["arguments"], table)
    return Rule(name, criticality == "error", violation)


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _is_unique(arguments: dict[str, Any], table: str) -> str:
    columns = ", ".join(arguments["columns"])
    return f"({columns}) IN (SELECT ({columns}) FROM {table} GROUP BY {columns} HAVING COUNT(*) > 1)"


def _is_in_list(arguments: dict[str, Any], table: str) -> str:
    allowed = ", ".join(_text(value) for value in arguments["allowed"])
    return f"CAST({arguments['column']} AS VARCHAR) NOT IN ({allowed})"


def _is_in_range(arguments: dict[str, Any], table: str) -> str:
    column = arguments["column"]
    return f"{column} < {arguments['min_limit']} OR {column} > {arguments['max_limit']}"


def _foreign_key(arguments: dict[str, Any], table: str) -> str:
    columns, references = ", ".join(arguments["columns"]), ", ".join(arguments["ref_columns"])
    return f"({columns}) NOT IN (SELECT ({references}) FROM {arguments['ref_table']})"


def _sql_expression(arguments: dict[str, Any], table: str) -> str:
    return arguments["expression"] if arguments.get("negate") else f"NOT ({arguments['expression']})"


_VIOLATIONS: dict[str, Callable[[dict[str, Any], str], str]] = {
    "is_not_null": lambda arguments, table: f"{arguments['column']} IS NULL",
    "is_not_null_and_not_empty": lambda arguments, table: (
        f"{arguments['column']} IS NULL OR CAST({arguments['column']} AS VARCHAR) = ''"
    ),
    "is_not_less_than": lambda arguments, table: f"{arguments['column']} < {arguments['limit']}",
    "is_unique": _is_unique,
    "is_in_list": _is_in_list,
    "is_in_range": _is_in_range,
    "foreign_key": _foreign_key,
    "sql_expression": _sql_expression,
}
