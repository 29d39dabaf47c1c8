-- Time from the start of a conversation to its resolution, the last conversation.closed.
-- Grain: one row per conversation that was closed at least once.
-- Activity Schema self-join: bronze.amp_all_events_v2 with itself on conversation_id,
-- first conversation.started -> last conversation.closed.
-- The join keeps closed conversations without a start, so that the quality rules can find them.
CREATE OR REPLACE TABLE bronze.conversation_resolution_time AS
WITH first_started AS (
    SELECT
        conversation_id,
        MIN(event_timestamp) AS started_at
    FROM bronze.amp_all_events_v2
    WHERE event_name = 'conversation.started'
    GROUP BY conversation_id
),

last_closed AS (
    SELECT
        conversation_id,
        tenant_id,
        MAX(event_timestamp) AS resolved_at
    FROM bronze.amp_all_events_v2
    WHERE event_name = 'conversation.closed'
    GROUP BY
        conversation_id,
        tenant_id
)

SELECT
    last_closed.conversation_id,
    last_closed.tenant_id,
    first_started.started_at,
    last_closed.resolved_at,
    DATE_DIFF('second', first_started.started_at, last_closed.resolved_at) / 60.0
        AS resolution_minutes
FROM last_closed
LEFT JOIN first_started ON last_closed.conversation_id = first_started.conversation_id;
