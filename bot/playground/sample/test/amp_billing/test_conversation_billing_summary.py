"""Expected bills on the small data."""

from test.helpers import ModelTest


class ConversationBillingSummaryTest(ModelTest):
    def test_included_conversations_are_free_and_discounts_count_while_valid(self) -> None:
        self.assert_rows(
            """
            SELECT
                tenant_id,
                CAST(billing_month AS VARCHAR),
                billable_conversations,
                charged_conversations,
                CAST(amount_usd AS DOUBLE)
            FROM bronze.conversation_billing_summary
            ORDER BY tenant_id, billing_month
            """,
            [
                ("t-acme", "2026-01-01", 7, 4, 3.24),
                ("t-globex", "2026-01-01", 7, 2, 1.5),
                ("t-initech", "2026-01-01", 3, 1, 1.2),
                ("t-initech", "2026-02-01", 1, 0, 0.0),
            ],
        )

    def test_revenue_names_the_tenant(self) -> None:
        self.assert_rows(
            """
            SELECT tenant_name, region, CAST(amount_usd AS DOUBLE)
            FROM silver.tenant_revenue_monthly
            WHERE tenant_id = 't-globex'
            """,
            [("Globex", "us", 1.5)],
        )
