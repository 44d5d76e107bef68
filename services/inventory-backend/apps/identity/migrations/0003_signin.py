"""Sessions with a row of their own, second factors, throttles. Whoever was signed in before this signs in again."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models


def _user(**kwargs: bool) -> models.Field:
    return models.ForeignKey(
        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL, **kwargs
    )


def _uuid() -> models.Field:
    return models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)


def _digest() -> models.Field:
    return models.BinaryField(max_length=32, primary_key=True, serialize=False)


def _now() -> models.Field:
    return models.DateTimeField(db_default=django.db.models.functions.datetime.Now())


class Migration(migrations.Migration):
    dependencies = [("identity", "0002_groups")]

    operations = [
        migrations.CreateModel(
            name="Session",
            fields=[
                ("id", _uuid()),
                ("user", _user(db_index=False)),
                ("created_at", models.DateTimeField()),
                ("authenticated_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
                ("methods", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=16))),
                ("ip", models.GenericIPAddressField(null=True)),
                ("agent", models.CharField(blank=True, max_length=64)),
                ("cookie_digest", models.BinaryField(max_length=32, null=True, unique=True)),
            ],
            options={
                "db_table": "identity_session",
                "indexes": [models.Index(fields=["user", "id"], name="identity_session_user")],
            },
        ),
        # The old table stays for the version that serves while this runs; a later release drops it.
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name="RefreshToken")]),
        migrations.CreateModel(
            name="RefreshToken",
            fields=[
                ("digest", _digest()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="identity.session"
                    ),
                ),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("created_at", _now()),
            ],
            options={"db_table": "identity_session_token"},
        ),
        migrations.CreateModel(
            name="Throttle",
            fields=[
                ("digest", _digest()),
                ("tries", models.PositiveIntegerField()),
                ("tried_at", models.DateTimeField(db_index=True)),
                ("free_at", models.DateTimeField()),
            ],
            options={"db_table": "identity_throttle"},
        ),
        migrations.CreateModel(
            name="SigningKey",
            fields=[
                ("kid", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("published_at", _now()),
            ],
            options={"db_table": "identity_signing_key"},
        ),
        migrations.CreateModel(
            name="Totp",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("secret", models.BinaryField(max_length=64)),
                ("last_step", models.BigIntegerField(default=0)),
                ("confirmed_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "identity_totp"},
        ),
        migrations.CreateModel(
            name="Passkey",
            fields=[
                ("id", _uuid()),
                ("user", _user()),
                ("credential_id", models.BinaryField(max_length=1023, unique=True)),
                ("public_key", models.BinaryField()),
                ("sign_count", models.BigIntegerField()),
                ("name", models.CharField(max_length=200)),
                ("created_at", _now()),
                ("last_used_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "identity_passkey"},
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[("digest", _digest()), ("user", _user()), ("used_at", models.DateTimeField(null=True))],
            options={"db_table": "identity_recovery_code"},
        ),
        migrations.CreateModel(
            name="SpentChallenge",
            fields=[("digest", _digest()), ("expires_at", models.DateTimeField(db_index=True))],
            options={"db_table": "identity_spent_challenge"},
        ),
    ]
