-- How many messages a conversation took, by who sent them.
-- Grain: one row per conversation with at least one message.
-- Source: bronze.amp_all_events_v2 (Activity Schema).
CREATE OR REPLACE TABLE bronze.conversation_message_counts AS
SELECT
    conversation_id,
    tenant_id,
    COUNT(*) AS messages,
    COUNT(*) FILTER (WHERE actor_type = 'customer') AS customer_messages,
    COUNT(*) FILTER (WHERE actor_type = 'bot') AS bot_messages,
    COUNT(*) FILTER (WHERE actor_type = 'agent') AS agent_messages
FROM bronze.amp_all_events_v2
WHERE event_name = 'message.sent'
GROUP BY
    conversation_id,
    tenant_id;
