"""The schema `report_v1`: views for tools that read with SQL, without names, addresses or texts of people."""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_SOURCE = "s.channel, s.source, s.medium, s.campaign, s.keyword"
VIEWS = {
    "leads": f"""SELECT f.lead_id, f.created_at, f.active_at, f.made_by, f.country, {_SOURCE},
        o.channel AS first_channel, o.source AS first_source, o.campaign AS first_campaign
        FROM lead_facts f LEFT JOIN sources s ON s.id = f.source_id LEFT JOIN sources o ON o.id = f.first_source_id""",
    "stages": "SELECT lead_id, seq, stage, before, next, entered, departed FROM stage_stays",
    "touches": f"SELECT t.lead_id, t.at, t.kind, {_SOURCE} FROM touches t JOIN sources s ON s.id = t.source_id",
    "deals": """SELECT d.id AS deal_id, d.status, d.stage, d.pipeline, d.amount AS amount_minor, d.currency,
        d.refunded AS refunded_minor, d.rate, d.closes_on, d.opened_at, f.won_at, d.closed_at, f.lead_id, f.touches
        FROM deals d LEFT JOIN deal_facts f ON f.deal_id = d.id""",
    "deal_stages": """SELECT deal_id, number, status, pipeline, stage, amount AS amount_minor, currency, entered,
        departed FROM deal_states""",
    "credits": """SELECT c.deal_id, c.model, c.number, c.at, c.amount AS amount_minor, c.currency,
        CASE c.source_id WHEN 0 THEN 'No touch known' WHEN -1 THEN 'Not converted' ELSE s.channel END AS channel,
        s.source, s.medium, s.campaign, s.keyword
        FROM credits c LEFT JOIN sources s ON s.id = c.source_id AND c.source_id > 0""",
    "visits": f"""SELECT v.day, {_SOURCE}, v.landing, v.visits, v.visitors, v.pages
        FROM visit_days v JOIN sources s ON s.id = v.source_id""",
    "spend": f"""SELECT p.day, {_SOURCE}, p.amount AS amount_minor, p.currency, p.clicks, p.impressions
        FROM spend p JOIN sources s ON s.id = p.source_id""",
    "points": "SELECT lead_id, rule, model, amount, earned_at, booked_at, expires_at FROM points",
    "handoffs": """SELECT id AS handoff_id, lead_id, team, outcome, reason, opened_at, acknowledged_at, contacted_at,
        closed_at FROM handoffs""",
    "forms": "SELECT day, form, shown FROM form_days",
}


def upgrade() -> None:
    op.execute("CREATE SCHEMA report_v1")
    for name, sql in VIEWS.items():
        op.execute(f"CREATE VIEW report_v1.{name} AS {sql}")


def downgrade() -> None:
    for name in VIEWS:
        op.execute(f"DROP VIEW report_v1.{name}")
    op.execute("DROP SCHEMA report_v1")
