"""Expected first response times on the small data."""

from test.helpers import ModelTest


class ConversationFirstResponseTimeTest(ModelTest):
    def test_minutes_to_the_first_reply_of_an_agent(self) -> None:
        self.assert_rows(
            """
            SELECT conversation_id, CAST(first_response_minutes AS DOUBLE)
            FROM bronze.conversation_first_response_time
            WHERE conversation_id IN ('c-001', 'c-003', 'c-012')
            ORDER BY conversation_id
            """,
            [("c-001", 4.0), ("c-003", 2.5), ("c-012", 240.0)],
        )

    def test_a_conversation_no_agent_replied_to_has_no_row(self) -> None:
        self.assert_rows(
            "SELECT * FROM bronze.conversation_first_response_time WHERE conversation_id = 'c-007'", []
        )

    def test_the_daily_view_averages_by_day_and_tenant(self) -> None:
        self.assert_rows(
            """
            SELECT CAST(started_on AS VARCHAR), answered_conversations, avg_first_response_minutes
            FROM silver.conversation_first_response_time_daily
            WHERE tenant_id = 't-globex'
            ORDER BY started_on
            LIMIT 2
            """,
            [("2026-01-01", 2, 18.0), ("2026-01-02", 2, 8.5)],
        )
