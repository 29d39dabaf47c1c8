"""Expected message counts on the small data."""

from test.helpers import ModelTest


class ConversationMessageCountsTest(ModelTest):
    def test_messages_by_sender(self) -> None:
        self.assert_rows(
            """
            SELECT messages, customer_messages, bot_messages, agent_messages
            FROM bronze.conversation_message_counts
            WHERE conversation_id = 'c-004'
            """,
            [(7, 3, 1, 3)],
        )
