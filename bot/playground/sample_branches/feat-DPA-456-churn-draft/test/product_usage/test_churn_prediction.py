"""Expected churn on the small data."""

from test.helpers import ModelTest


class ChurnPredictionTest(ModelTest):
    def test_every_tenant_has_a_row(self) -> None:
        self.assert_rows(
            "SELECT tenant_id FROM bronze.churn_prediction ORDER BY tenant_id",
            [("t-acme",), ("t-globex",), ("t-initech",)],
        )
