"""Expected churn on the small data."""

from test.helpers import ModelTest


class ChurnPredictionTest(ModelTest):
    def test_uses_and_conversations_are_the_tenants_own(self) -> None:
        self.assert_rows(
            """
            SELECT tenant_id, recent_uses, earlier_uses, closed_conversations
            FROM bronze.churn_prediction
            ORDER BY tenant_id
            """,
            [("t-acme", 3, 6, 6), ("t-globex", 1, 2, 2), ("t-initech", 1, 3, 1)],
        )

    def test_the_lost_part_of_the_use_is_the_probability(self) -> None:
        self.assert_rows(
            """
            SELECT tenant_id, CAST(churn_probability AS DOUBLE)
            FROM bronze.churn_prediction
            ORDER BY tenant_id
            """,
            [("t-acme", 0.5), ("t-globex", 0.5), ("t-initech", 0.67)],
        )
