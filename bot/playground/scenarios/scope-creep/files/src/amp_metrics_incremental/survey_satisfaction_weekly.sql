-- How satisfied customers were, week by week: the mean of their survey scores.
-- Grain: one row per week (its Monday) and tenant with at least one answer.
-- Source: bronze.survey_nps.
CREATE OR REPLACE VIEW silver.survey_satisfaction_weekly AS
SELECT
    tenant_id,
    CAST(DATE_TRUNC('week', submitted_at) AS DATE) AS week_on,
    COUNT(*) AS answers,
    ROUND(AVG(score), 2) AS avg_score
FROM bronze.survey_nps
GROUP BY
    tenant_id,
    CAST(DATE_TRUNC('week', submitted_at) AS DATE);
