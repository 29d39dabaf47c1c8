-- What each tenant owes for conversations, by month.
-- Grain: one row per tenant and month of the conversation's start.
-- Sources: bronze.amp_all_events_v2, bronze.tenants, bronze.plans, bronze.agents,
--          bronze.contract_discounts.
--
-- A conversation is billable once an agent wrote in it. The plan's included
-- conversations are free, the rest costs the plan's price less the contract's
-- discount that is valid on the first day of the month.
--
-- Used by: AMP Billing dashboard, the monthly invoice run.
-- Refreshed: every night, the whole table.
-- Amounts are in US dollars and rounded once, at the end; invoices copy them as they
-- stand here.
CREATE OR REPLACE TABLE bronze.conversation_billing_summary AS
WITH conversation_activity AS (
    SELECT
        tenants.tenant_id,
        plans.plan_id,
        plans.included_conversations,
        plans.price_per_conversation,
        events.conversation_id,
        MIN(events.event_timestamp) AS started_at,
        MAX(events.event_timestamp) AS last_event_at,

        -- One message of an agent makes a conversation billable.
        COUNT(*) FILTER (
            WHERE
            events.event_name = 'message.sent'
            AND events.actor_type = 'agent'
        ) AS agent_messages,

        -- Agents cost us by the hour; a message is counted as two minutes of work.
        SUM(
            CASE
                WHEN events.event_name = 'message.sent' THEN agents.hourly_rate_usd * 2 / 60
                ELSE 0
            END
        ) AS agent_cost_usd,

        -- The best discount wins if two contracts overlap.
        COALESCE(MAX(contract_discounts.discount_percent), 0) AS discount_percent

    -- Every event ever recorded is read here, whatever its date: the months
    -- that were invoiced long ago are computed again on each refresh.
    FROM bronze.amp_all_events_v2 AS events
    INNER JOIN bronze.tenants ON events.tenant_id = tenants.tenant_id
    INNER JOIN bronze.plans ON tenants.plan_id = plans.plan_id
    LEFT JOIN bronze.agents ON events.actor_id = agents.agent_id
    LEFT JOIN bronze.contract_discounts
        ON
            events.tenant_id = contract_discounts.tenant_id
            AND DATE_TRUNC('month', events.event_timestamp) >= contract_discounts.valid_from
            AND DATE_TRUNC('month', events.event_timestamp) < contract_discounts.valid_to
    WHERE events.conversation_id IS NOT NULL
    GROUP BY
        tenants.tenant_id,
        plans.plan_id,
        plans.included_conversations,
        plans.price_per_conversation,
        events.conversation_id
),

billable AS (
    SELECT
        tenant_id,
        plan_id,
        CAST(DATE_TRUNC('month', started_at) AS DATE) AS billing_month,
        MAX(included_conversations) AS included_conversations,
        MAX(price_per_conversation) AS price_per_conversation,
        MAX(discount_percent) AS discount_percent,
        COUNT(*) AS billable_conversations,
        SUM(agent_cost_usd) AS agent_cost_usd
    FROM conversation_activity
    WHERE agent_messages > 0
    GROUP BY
        tenant_id,
        plan_id,
        CAST(DATE_TRUNC('month', started_at) AS DATE)
)

SELECT
    tenant_id,
    plan_id,
    billing_month,
    billable_conversations,
    included_conversations,
    GREATEST(billable_conversations - included_conversations, 0) AS charged_conversations,
    ROUND(
        GREATEST(billable_conversations - included_conversations, 0)
        * price_per_conversation
        * (100 - discount_percent) / 100,
        2
    ) AS amount_usd,
    ROUND(agent_cost_usd, 2) AS agent_cost_usd
FROM billable;
