"""What the tests share: one warehouse with every listed model."""

import functools
import unittest

import duckdb

from harness import warehouse


@functools.cache
def built() -> duckdb.DuckDBPyConnection:
    """The warehouse with everything the pipelines list, built once."""
    tables = warehouse.open_warehouse()
    warehouse.build_listed(tables)
    return tables


class ModelTest(unittest.TestCase):
    """A test of a model's rows."""

    def assert_rows(self, query: str, expected: list[tuple]) -> None:
        """The query gives exactly these rows, in this order."""
        self.assertEqual(warehouse.rows(built(), query), expected)
