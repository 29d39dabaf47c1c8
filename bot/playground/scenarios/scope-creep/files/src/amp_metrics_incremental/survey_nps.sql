-- The score of each survey answer, with its group for the Net Promoter Score.
-- Grain: one row per conversation whose customer answered the survey; the last answer counts.
-- Source: bronze.amp_all_events_v2 (Activity Schema), event survey.submitted.
CREATE OR REPLACE TABLE bronze.survey_nps AS
WITH last_submitted AS (
    SELECT
        conversation_id,
        tenant_id,
        MAX(event_timestamp) AS submitted_at
    FROM bronze.amp_all_events_v2
    WHERE event_name = 'survey.submitted'
    GROUP BY
        conversation_id,
        tenant_id
),

scored AS (
    SELECT
        last_submitted.conversation_id,
        last_submitted.tenant_id,
        last_submitted.submitted_at,
        MAX(CAST(JSON_EXTRACT_STRING(events.features, '$.score') AS INTEGER)) AS score
    FROM last_submitted
    INNER JOIN bronze.amp_all_events_v2 AS events
        ON
            last_submitted.conversation_id = events.conversation_id
            AND last_submitted.submitted_at = events.event_timestamp
            AND events.event_name = 'survey.submitted'
    GROUP BY
        last_submitted.conversation_id,
        last_submitted.tenant_id,
        last_submitted.submitted_at
)

SELECT
    conversation_id,
    tenant_id,
    submitted_at,
    score,
    CASE
        WHEN score >= 9 THEN 'promoter'
        WHEN score >= 7 THEN 'passive'
        WHEN score >= 0 THEN 'detractor'
    END AS nps_group
FROM scored;
