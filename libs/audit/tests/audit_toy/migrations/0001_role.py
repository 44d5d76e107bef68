from django.db import migrations

# Roles belong to the cluster, which other runs may share.  The default privileges are the widest
# that a project could have set: the audit trail must take back what is too much.
CREATE_ROLE = """
    DO $$ BEGIN
        CREATE ROLE audit_toy_app NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
    END $$;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO audit_toy_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO audit_toy_app;
"""


class Migration(migrations.Migration):
    operations = [migrations.RunSQL(CREATE_ROLE, migrations.RunSQL.noop)]
