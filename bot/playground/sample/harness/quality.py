"""`make check-quality`: execute the rules of every dqx_*.yml on its table, built from test/data.

A table is built from the SQL file its rules name, after the models that file reads from, whether or
not a pipeline lists it. The exit code is 1 if a rule of criticality error finds a row, if a rule
cannot be executed, or if there are no rules at all.
"""

import sys
from pathlib import Path

import duckdb

from harness import pipelines, rules, warehouse
from harness.pipelines import ROOT


def main(root: Path = ROOT) -> int:
    """Check everything and print a line a rule; returns the exit code."""
    files = sorted((root / "src").glob("*/dqx_*.yml"))
    if not files:
        print("FAIL  there is no dqx_*.yml under src/")
        return 1
    failures = sum(_check_file(path, root) for path in files)
    print(f"{len(files)} rule files, {failures} failures")
    return 1 if failures else 0


def _check_file(path: Path, root: Path) -> int:
    try:
        file = rules.load(path)
        tables = _build(file, root)
    except (rules.RulesInvalid, pipelines.ModelInvalid, warehouse.BuildFailed) as error:
        print(f"FAIL  {path.relative_to(root)}: {error}")
        return 1
    return sum(_check(tables, file, rule) for rule in file.rules)


def _build(file: rules.RuleFile, root: Path) -> duckdb.DuckDBPyConnection:
    if not file.model.is_file():
        raise rules.RulesInvalid(f"there is no {file.model.name} beside it")
    if pipelines.creates(file.model) != file.table:
        raise rules.RulesInvalid(f"{file.model.name} does not create {file.table}")
    tables = warehouse.open_warehouse(root)
    warehouse.build(tables, _needed(file.model, root))
    return tables


def _needed(model: Path, root: Path) -> list[Path]:
    """The model and, of all SQL files, those it reads from, directly or not."""
    makers = {pipelines.creates(path): path for path in sorted((root / "src").glob("*/*.sql"))}
    needed, waiting = [], [model]
    while waiting:
        current = waiting.pop()
        if current not in needed:
            needed.append(current)
            waiting += [makers[table] for table in pipelines.reads(current) if table in makers]
    return needed


def _check(tables: duckdb.DuckDBPyConnection, file: rules.RuleFile, rule: rules.Rule) -> int:
    """Print the result of one rule; 1 if it fails."""
    where = f"rule {rule.name} on {file.table}"
    try:
        bad = tables.execute(f"SELECT * FROM {file.table} WHERE {rule.violation}")
        names = [column[0] for column in bad.description]
        found = bad.fetchall()
        [(total,)] = tables.execute(f"SELECT COUNT(*) FROM {file.table}").fetchall()
    except duckdb.Error as error:
        print(f"FAIL  {where} cannot be executed: {error}")
        return 1
    if not found:
        print(f"ok    {where} ({total} rows)")
        return 0
    print(f"{'FAIL' if rule.is_error else 'warn'}  {where}: {len(found)} of {total} rows violate it")
    for row in found[:3]:
        print("        " + ", ".join(f"{name}={value}" for name, value in zip(names, row, strict=True)))
    return 1 if rule.is_error else 0


if __name__ == "__main__":
    sys.exit(main())
