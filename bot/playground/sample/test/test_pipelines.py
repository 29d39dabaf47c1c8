"""What holds for every pipeline and every model it lists."""

import unittest

from harness import pipelines, warehouse
from harness.pipelines import ROOT
from test.helpers import built


class PipelinesTest(unittest.TestCase):
    def test_every_listed_model_is_built(self) -> None:
        for pipeline in pipelines.load():
            self.assertTrue(pipeline.models, f"{pipeline.name} lists no models")
            for model in pipeline.models:
                with self.subTest(model=model.name):
                    table = pipelines.creates(model)
                    [(rows,)] = warehouse.rows(built(), f"SELECT COUNT(*) FROM {table}")
                    self.assertGreater(rows, 0, f"{table} is empty")

    def test_a_model_is_named_as_its_table_and_lives_in_its_pipeline(self) -> None:
        for pipeline in pipelines.load():
            for model in pipeline.models:
                with self.subTest(model=model.name):
                    self.assertEqual(pipelines.creates(model).split(".")[1], model.stem)
                    self.assertEqual(model.parent, ROOT / "src" / pipeline.name)

    def test_a_model_is_listed_after_those_it_reads_from(self) -> None:
        for pipeline in pipelines.load():
            order = [pipelines.creates(model) for model in pipeline.models]
            for position, model in enumerate(pipeline.models):
                with self.subTest(model=model.name):
                    self.assertFalse(pipelines.reads(model) & set(order[position:]))

    def test_every_listed_model_is_documented(self) -> None:
        for pipeline in pipelines.load():
            pages = (ROOT / "docs" / "models" / pipeline.name).glob("*.md")
            text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
            for model in pipeline.models:
                with self.subTest(model=model.name):
                    self.assertIn(f"`{pipelines.creates(model)}`", text)
