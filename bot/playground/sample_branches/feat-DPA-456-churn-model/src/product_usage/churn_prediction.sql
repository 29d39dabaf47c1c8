-- How likely each tenant is to leave, from how its use of the product changes.
-- Grain: one row per tenant.
-- Sources: bronze.feature_usage_daily, bronze.amp_all_events_v2 (Activity Schema), event conversation.closed.
-- Columns: uses and closed conversations of the last two days of use and of those before, all of the row's
-- own tenant; churn_probability from 0 to 1 is the part of its use that a tenant has lost.
CREATE OR REPLACE TABLE bronze.churn_prediction AS
WITH daily AS (
    SELECT
        tenant_id,
        used_on,
        SUM(uses) AS uses
    FROM bronze.feature_usage_daily
    GROUP BY
        tenant_id,
        used_on
),

closed AS (
    SELECT
        tenant_id,
        CAST(event_timestamp AS DATE) AS closed_on,
        COUNT(*) AS conversations
    FROM bronze.amp_all_events_v2
    WHERE event_name = 'conversation.closed'
    GROUP BY
        tenant_id,
        CAST(event_timestamp AS DATE)
),

latest AS (
    SELECT MAX(used_on) AS as_of_on
    FROM daily
),

activity AS (
    SELECT
        daily.tenant_id,
        latest.as_of_on,
        SUM(CASE WHEN daily.used_on >= latest.as_of_on - 1 THEN daily.uses ELSE 0 END) AS recent_uses,
        SUM(CASE WHEN daily.used_on < latest.as_of_on - 1 THEN daily.uses ELSE 0 END) AS earlier_uses,
        SUM(COALESCE(closed.conversations, 0)) AS closed_conversations
    FROM daily
    CROSS JOIN latest
    LEFT JOIN closed
        ON daily.tenant_id = closed.tenant_id AND daily.used_on = closed.closed_on
    GROUP BY
        daily.tenant_id,
        latest.as_of_on
)

SELECT
    tenant_id,
    as_of_on,
    recent_uses,
    earlier_uses,
    closed_conversations,
    CASE
        WHEN recent_uses >= earlier_uses THEN 0.0
        ELSE ROUND(1.0 - recent_uses * 1.0 / earlier_uses, 2)
    END AS churn_probability
FROM activity;
