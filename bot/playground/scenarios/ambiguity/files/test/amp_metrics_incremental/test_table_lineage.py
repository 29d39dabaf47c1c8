"""The lineage holds what the models read, and the impact view follows it."""

from harness import pipelines, warehouse
from test.helpers import ModelTest, built

LINEAGE = {"bronze.table_lineage", "silver.table_impact"}


class TableLineageTest(ModelTest):
    def test_every_read_of_the_pipelines_models_is_an_edge(self) -> None:
        [pipeline] = [one for one in pipelines.load() if one.name == "amp_metrics_incremental"]
        models = [model for model in pipeline.models if pipelines.creates(model) not in LINEAGE]
        reads = {
            (source, pipelines.creates(model), model.name)
            for model in models
            for source in pipelines.reads(model)
        }
        edges = warehouse.rows(built(), "SELECT source_table, target_table, defined_in FROM bronze.table_lineage")
        self.assertEqual(set(edges), reads)

    def test_a_change_of_the_event_table_affects_the_daily_view_over_two_steps(self) -> None:
        self.assert_rows(
            """
            SELECT affected_table, steps
            FROM silver.table_impact
            WHERE changed_table = 'bronze.amp_all_events_v2'
            ORDER BY steps, affected_table
            """,
            [
                ("bronze.conversation_first_response_time", 1),
                ("bronze.conversation_message_counts", 1),
                ("silver.conversation_first_response_time_daily", 2),
            ],
        )
