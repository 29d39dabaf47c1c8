"""Every pipeline names a schema that there is."""

import unittest

import yaml

from harness import warehouse
from harness.pipelines import ROOT
from test.helpers import built


class SchemasTest(unittest.TestCase):
    def test_a_pipeline_names_a_schema_of_the_warehouse(self) -> None:
        names = warehouse.rows(built(), "SELECT schema_name FROM information_schema.schemata")
        known = {name for (name,) in names}
        for resource in sorted((ROOT / "resources").glob("*.yml")):
            content = yaml.safe_load(resource.read_text(encoding="utf-8"))
            for name, pipeline in content["resources"]["pipelines"].items():
                with self.subTest(pipeline=name):
                    self.assertIn(pipeline["schema"], known)
