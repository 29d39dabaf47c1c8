"""Expected usage on the small data."""

from test.helpers import ModelTest


class FeatureUsageDailyTest(ModelTest):
    def test_uses_and_users_of_a_feature(self) -> None:
        self.assert_rows(
            """
            SELECT feature, uses, distinct_users
            FROM bronze.feature_usage_daily
            WHERE tenant_id = 't-acme' AND CAST(used_on AS VARCHAR) = '2026-01-01'
            ORDER BY feature
            """,
            [("inbox", 3, 2), ("macros", 1, 1)],
        )

    def test_active_users_are_counted_once_a_day(self) -> None:
        self.assert_rows(
            """
            SELECT CAST(active_on AS VARCHAR), active_users
            FROM silver.active_users_daily
            WHERE tenant_id = 't-acme'
            ORDER BY active_on
            """,
            [("2026-01-01", 2), ("2026-01-02", 1), ("2026-01-03", 2)],
        )
