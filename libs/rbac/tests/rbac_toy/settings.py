"""Settings of the toy project; conftest.py fills in which server holds the database."""

SECRET_KEY = "only-for-tests"
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.postgres",
    "rest_framework",
    "rbac.django",
    "rbac_toy",
]
AUTH_USER_MODEL = "rbac_toy.User"
RBAC_GROUP_MODEL = "rbac_toy.Group"
RBAC_MEMBERSHIP_MODEL = "rbac_toy.Membership"
RBAC_LOCATION_MODEL = "rbac_toy.Location"
RBAC_CLOSURE_MODEL = "rbac_toy.LocationClosure"
ROOT_URLCONF = "rbac_toy.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "rbac"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REST_FRAMEWORK = {"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]}
