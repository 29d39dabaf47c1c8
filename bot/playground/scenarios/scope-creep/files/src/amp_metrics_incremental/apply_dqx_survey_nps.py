"""Apply the data-quality rules of bronze.survey_nps on Databricks.

Runs as the last task of the amp_metrics_incremental job, after the pipeline's refresh. Rows that violate a
rule of criticality error fail the job; warnings go to the quality table.
"""

from pathlib import Path

import yaml
from databricks.labs.dqx.engine import DQEngine
from databricks.sdk import WorkspaceClient
from pyspark.sql import SparkSession

RULES = Path(__file__).with_name("dqx_survey_nps.yml")
QUALITY_TABLE = "silver.data_quality_results"


def main() -> None:
    """Check the table, keep the violations, and fail if one of them is an error."""
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    spark = SparkSession.builder.getOrCreate()
    engine = DQEngine(WorkspaceClient())
    checked = engine.apply_checks_by_metadata(spark.table(rules["table"]), rules["checks"])
    violations = checked.filter("_errors IS NOT NULL OR _warnings IS NOT NULL")
    violations.write.mode("append").saveAsTable(QUALITY_TABLE)
    errors = violations.filter("_errors IS NOT NULL").count()
    if errors:
        raise SystemExit(f"{rules['table']}: {errors} rows violate its data-quality rules")


if __name__ == "__main__":
    main()
