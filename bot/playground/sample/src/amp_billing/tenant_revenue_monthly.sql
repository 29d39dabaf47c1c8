-- Revenue and margin by month and tenant, with the tenant's name for reports.
-- Grain: one row per month and tenant.
-- Sources: bronze.conversation_billing_summary, bronze.tenants.
CREATE OR REPLACE VIEW silver.tenant_revenue_monthly AS
SELECT
    billing.billing_month,
    billing.tenant_id,
    tenants.tenant_name,
    tenants.region,
    billing.amount_usd,
    billing.amount_usd - billing.agent_cost_usd AS margin_usd
FROM bronze.conversation_billing_summary AS billing
INNER JOIN bronze.tenants ON billing.tenant_id = tenants.tenant_id;
