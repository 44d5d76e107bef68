import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Coalesce, Now


class Migration(migrations.Migration):
    # The project's migration that makes its groups names this one in `run_before`.
    dependencies = [("rbac", "0001_initial"), migrations.swappable_dependency(settings.RBAC_GROUP_MODEL)]

    operations = [
        migrations.AddField("role", "version", models.PositiveIntegerField(default=1)),
        migrations.AddField("role", "created_at", models.DateTimeField(db_default=Now())),
        migrations.AddField("role", "updated_at", models.DateTimeField(db_default=Now())),
        migrations.AddField("binding", "created_at", models.DateTimeField(db_default=Now())),
        migrations.AddField(
            "binding",
            "group",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.RBAC_GROUP_MODEL,
            ),
        ),
        migrations.AlterField(
            "binding",
            "user",
            models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            "binding",
            "subject_kind",
            models.GeneratedField(
                db_persist=True,
                expression=Case(When(user__isnull=False, then=Value("user")), default=Value("group")),
                output_field=models.TextField(),
            ),
        ),
        migrations.AddField(
            "binding",
            "subject_id",
            models.GeneratedField(
                db_persist=True, expression=Coalesce("user_id", "group_id"), output_field=models.UUIDField()
            ),
        ),
        migrations.RemoveConstraint("binding", "rbac_binding_user_role_location_unique"),
        migrations.AddConstraint(
            "binding",
            models.UniqueConstraint(
                fields=("user", "group", "role", "location"),
                name="rbac_binding_subject_role_location_unique",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            "binding",
            models.CheckConstraint(
                condition=Q(group__isnull=True, user__isnull=False) | Q(group__isnull=False, user__isnull=True),
                name="rbac_binding_has_one_subject",
            ),
        ),
    ]
