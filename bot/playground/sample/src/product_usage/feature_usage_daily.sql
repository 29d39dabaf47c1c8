-- How often each feature was used, by day and tenant.
-- Grain: one row per day, tenant and feature.
-- Source: bronze.amp_all_events_v2 (Activity Schema), event feature.used.
CREATE OR REPLACE TABLE bronze.feature_usage_daily AS
SELECT
    tenant_id,
    CAST(event_timestamp AS DATE) AS used_on,
    JSON_EXTRACT_STRING(features, '$.feature') AS feature,
    COUNT(*) AS uses,
    COUNT(DISTINCT actor_id) AS distinct_users
FROM bronze.amp_all_events_v2
WHERE event_name = 'feature.used'
GROUP BY
    tenant_id,
    CAST(event_timestamp AS DATE),
    JSON_EXTRACT_STRING(features, '$.feature');
