-- Net Promoter Score by the day of the survey answer and by tenant: what the semantic layer reads.
-- Grain: one row per day and tenant with at least one answer.
-- Source: bronze.survey_nps.
CREATE OR REPLACE VIEW silver.survey_nps_daily AS
SELECT
    tenant_id,
    CAST(submitted_at AS DATE) AS submitted_on,
    COUNT(*) AS answers,
    COUNT(*) FILTER (WHERE nps_group = 'promoter') AS promoters,
    COUNT(*) FILTER (WHERE nps_group = 'detractor') AS detractors,
    ROUND(
        100.0 * (
            COUNT(*) FILTER (WHERE nps_group = 'promoter')
            - COUNT(*) FILTER (WHERE nps_group = 'detractor')
        ) / COUNT(*),
        1
    ) AS nps
FROM bronze.survey_nps
GROUP BY
    tenant_id,
    CAST(submitted_at AS DATE);
