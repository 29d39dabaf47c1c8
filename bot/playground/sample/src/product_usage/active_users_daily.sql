-- Distinct users who used any feature, by day and tenant.
-- Grain: one row per day and tenant.
-- Source: bronze.amp_all_events_v2 (Activity Schema), event feature.used.
CREATE OR REPLACE VIEW silver.active_users_daily AS
SELECT
    tenant_id,
    CAST(event_timestamp AS DATE) AS active_on,
    COUNT(DISTINCT actor_id) AS active_users
FROM bronze.amp_all_events_v2
WHERE event_name = 'feature.used'
GROUP BY
    tenant_id,
    CAST(event_timestamp AS DATE);
