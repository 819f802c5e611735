"""The desk's list of leads: by creation, and a search where the server has pg_trgm."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_SEARCH = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
        BEGIN
            CREATE EXTENSION IF NOT EXISTS pg_trgm;
            CREATE INDEX leads_search ON leads USING gin ((lower(coalesce(email_key, '') || ' ' ||
                coalesce(fields->>'first_name', '') || ' ' || coalesce(fields->>'last_name', '') || ' ' ||
                coalesce(fields->>'company', ''))) gin_trgm_ops);
        EXCEPTION WHEN insufficient_privilege OR undefined_object THEN
            RAISE NOTICE 'no index for the search of leads: this account must not create pg_trgm';
        END;
    END IF;
END $$"""


def upgrade() -> None:
    op.create_index("leads_created", "leads", ["created_at", "id"])
    op.execute(_SEARCH)


def downgrade() -> None:
    op.execute("DROP INDEX IF EXISTS leads_search")
    op.drop_index("leads_created", "leads")
