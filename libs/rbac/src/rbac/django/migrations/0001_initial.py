import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from uuid_utils.compat import uuid7


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        migrations.swappable_dependency(settings.RBAC_LOCATION_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Role",
            fields=[
                ("id", models.UUIDField(primary_key=True, default=uuid7, editable=False, serialize=False)),
                ("code", models.SlugField(unique=True)),
                ("name", models.TextField()),
                ("permissions", django.contrib.postgres.fields.ArrayField(base_field=models.TextField())),
                ("is_builtin", models.BooleanField(default=False)),
            ],
            options={"db_table": "rbac_role", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Binding",
            fields=[
                ("id", models.UUIDField(primary_key=True, default=uuid7, editable=False, serialize=False)),
                ("valid_from", models.DateTimeField(null=True)),
                ("valid_until", models.DateTimeField(null=True)),
                (
                    "location",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.RBAC_LOCATION_MODEL,
                    ),
                ),
                (
                    "role",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bindings", to="rbac.role"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "rbac_binding",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "role", "location"),
                        name="rbac_binding_user_role_location_unique",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(valid_from__lt=models.F("valid_until")),
                        name="rbac_binding_valid_from_before_until",
                    ),
                ],
            },
        ),
    ]
