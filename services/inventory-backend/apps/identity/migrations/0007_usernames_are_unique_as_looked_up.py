from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    """Users are looked up in upper case, where the long s (U+017F) and the dotless i (U+0131) are S and I."""

    dependencies = [("identity", "0006_proof_elsewhere")]

    operations = [
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(Upper("username"), name="identity_user_username_looked_up"),
        ),
    ]
