-- Resolution time by the day a conversation was resolved and by tenant.
-- Grain: one row per day and tenant.
-- Source: bronze.conversation_resolution_time.
CREATE OR REPLACE VIEW silver.conversation_resolution_time_daily AS
SELECT
    tenant_id,
    CAST(resolved_at AS DATE) AS resolved_on,
    COUNT(*) AS resolved_conversations,
    ROUND(AVG(resolution_minutes), 2) AS avg_resolution_minutes,
    ROUND(MEDIAN(resolution_minutes), 2) AS median_resolution_minutes
FROM bronze.conversation_resolution_time
GROUP BY
    tenant_id,
    CAST(resolved_at AS DATE);
