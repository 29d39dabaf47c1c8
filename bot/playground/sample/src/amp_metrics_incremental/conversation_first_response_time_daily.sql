-- First response time by the day a conversation started and by tenant.
-- Grain: one row per day and tenant.
-- Source: bronze.conversation_first_response_time.
CREATE OR REPLACE VIEW silver.conversation_first_response_time_daily AS
SELECT
    tenant_id,
    CAST(started_at AS DATE) AS started_on,
    COUNT(*) AS answered_conversations,
    ROUND(AVG(first_response_minutes), 2) AS avg_first_response_minutes,
    ROUND(MEDIAN(first_response_minutes), 2) AS median_first_response_minutes
FROM bronze.conversation_first_response_time
GROUP BY
    tenant_id,
    CAST(started_at AS DATE);
