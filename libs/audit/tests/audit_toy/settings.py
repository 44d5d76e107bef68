"""Settings of the toy project; conftest.py fills in which server holds the database."""

SECRET_KEY = "only-for-tests"
USE_TZ = True
INSTALLED_APPS = ["audit.django", "audit_toy"]
AUDIT_APP_ROLE = "audit_toy_app"
AUDIT_MIGRATION_DEPENDENCIES = [("audit_toy", "0001_role")]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "audit"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
