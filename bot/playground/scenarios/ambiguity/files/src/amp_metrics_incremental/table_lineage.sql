-- Which table of amp_metrics_incremental is made from which: one step of lineage.
-- Grain: one row per table and table it reads from.
-- Sources: the FROM clauses of the pipeline's models; test_table_lineage.py compares the two.
CREATE OR REPLACE TABLE bronze.table_lineage AS
SELECT
    edges.source_table,
    edges.target_table,
    edges.defined_in
FROM (
    VALUES
    (
        'bronze.amp_all_events_v2',
        'bronze.conversation_message_counts',
        'conversation_message_counts.sql'
    ),
    (
        'bronze.amp_all_events_v2',
        'bronze.conversation_first_response_time',
        'conversation_first_response_time.sql'
    ),
    (
        'bronze.conversation_first_response_time',
        'silver.conversation_first_response_time_daily',
        'conversation_first_response_time_daily.sql'
    )
) AS edges (source_table, target_table, defined_in);
