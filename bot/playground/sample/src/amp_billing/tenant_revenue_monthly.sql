-- Revenue and margin by month and tenant, with the tenant's name for reports.
-- Grain: one row per month and tenant.
-- Sources: bronze.conversation_billing_summary, bronze.tenants.
CREATE OR REPLACE VIEW silver.tenant_revenue_monthly AS
SELECT
    summary.billing_month,
    summary.tenant_id,
    tenants.tenant_name,
    tenants.region,
    summary.amount_usd,
    summary.amount_usd - summary.agent_cost_usd AS margin_usd
FROM bronze.conversation_billing_summary AS summary
INNER JOIN bronze.tenants ON summary.tenant_id = tenants.tenant_id;
