"""What holds for every file of data-quality rules."""

import ast
import unittest

from harness import pipelines, rules
from harness.pipelines import ROOT


class QualityRulesTest(unittest.TestCase):
    def test_every_listed_base_table_has_rules(self) -> None:
        for pipeline in pipelines.load():
            files = (ROOT / "src" / pipeline.name).glob("dqx_*.yml")
            covered = {rules.load(path).table for path in files}
            for model in pipeline.models:
                table = pipelines.creates(model)
                if table.startswith("bronze."):
                    with self.subTest(table=table):
                        self.assertIn(table, covered)

    def test_every_rule_file_has_a_script_that_applies_it(self) -> None:
        for path in sorted((ROOT / "src").glob("*/dqx_*.yml")):
            with self.subTest(rules=path.name):
                script = path.with_name(f"apply_{path.stem}.py")
                self.assertTrue(script.is_file(), f"there is no {script.name}")
                texts = {
                    node.value
                    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8")))
                    if isinstance(node, ast.Constant)
                }
                self.assertIn(path.name, texts, f"{script.name} does not name {path.name}")
