-- Time from the start of a conversation to the first reply of a human agent.
-- Grain: one row per conversation that an agent replied to.
-- Activity Schema self-join: bronze.amp_all_events_v2 with itself on conversation_id,
-- first conversation.started -> first message.sent by an agent.
-- The join keeps replies without a start, so that the quality rules can find them.
CREATE OR REPLACE TABLE bronze.conversation_first_response_time AS
WITH first_started AS (
    SELECT
        conversation_id,
        MIN(event_timestamp) AS started_at
    FROM bronze.amp_all_events_v2
    WHERE event_name = 'conversation.started'
    GROUP BY conversation_id
),

first_reply AS (
    SELECT
        conversation_id,
        tenant_id,
        MIN(event_timestamp) AS first_response_at
    FROM bronze.amp_all_events_v2
    WHERE
        event_name = 'message.sent'
        AND actor_type = 'agent'
    GROUP BY
        conversation_id,
        tenant_id
)

SELECT
    first_reply.conversation_id,
    first_reply.tenant_id,
    first_started.started_at,
    first_reply.first_response_at,
    DATE_DIFF('second', first_started.started_at, first_reply.first_response_at) / 60.0
        AS first_response_minutes
FROM first_reply
LEFT JOIN first_started ON first_reply.conversation_id = first_started.conversation_id;
