-- What is affected if a table of amp_metrics_incremental changes, directly or over other tables.
-- Grain: one row per changed table and table that reads from it, however far away.
-- Source: bronze.table_lineage.
CREATE OR REPLACE VIEW silver.table_impact AS
WITH RECURSIVE impact AS (
    SELECT
        source_table AS changed_table,
        target_table AS affected_table,
        1 AS steps
    FROM bronze.table_lineage
    UNION ALL
    SELECT
        impact.changed_table,
        lineage.target_table AS affected_table,
        impact.steps + 1 AS steps
    FROM impact
    INNER JOIN bronze.table_lineage AS lineage ON impact.affected_table = lineage.source_table
    WHERE impact.steps < 20
)

SELECT
    changed_table,
    affected_table,
    MIN(steps) AS steps
FROM impact
GROUP BY
    changed_table,
    affected_table;
