"""Settings of every stage. What differs between deployments comes from `configs`, which alone reads the environment."""

from pathlib import Path
from typing import Any

import configs
from config.database import database_settings
from config.logs import log_to_stderr
from config.mail import mailer

CONFIG = configs.load()
BASE_DIR = Path(__file__).resolve().parents[2]

DEBUG = False
SECRET_KEY = CONFIG.secret_key.get_secret_value()
ALLOWED_HOSTS = list(CONFIG.allowed_hosts)
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "apps.common",
    "rbac.django",
    "audit.django",
    "apps.identity",
    "apps.parties",
    "apps.catalog",
    "apps.locations",
    "apps.ledger",
    "apps.trail",
    "apps.demo",
    "apps.dataio",
]

MIDDLEWARE = [
    "apps.common.api.middleware.RequestContext",
    # What sets headers comes before what may refuse, so that refusals carry them too.
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "apps.common.api.middleware.ContentPolicy",
    "apps.common.api.limits.RateLimit",
    "django.middleware.common.CommonMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

DATABASES = {"default": database_settings(CONFIG)}

AUTH_USER_MODEL = "identity.User"
# Usernames are unique whatever their case, by a constraint on an expression, which this check doesn't look for.
SILENCED_SYSTEM_CHECKS = ["auth.E003"]
PASSWORD_HASHERS = ["apps.identity.passwords.Argon2id"]
MAILERS = {"default": mailer(CONFIG)}
DEFAULT_FROM_EMAIL = CONFIG.mail_from
# Whether the answer to whoever asks for a letter waits until it is sent; it must not in production.
LETTERS_IN_BACKGROUND = True
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "apps.identity.passwords.DenyList"},
]

RBAC_GROUP_MODEL = "identity.Group"
RBAC_MEMBERSHIP_MODEL = "identity.GroupMember"
RBAC_LOCATION_MODEL = "locations.Location"
RBAC_CLOSURE_MODEL = "locations.LocationClosure"
AUDIT_APP_ROLE = "inventory_app"
AUDIT_MIGRATION_DEPENDENCIES = [("common", "0001_application_role")]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.identity.authentication.ApiKey",
        "apps.identity.authentication.BearerToken",
        "apps.identity.authentication.SessionCookie",
    ],
    # Each view declares what it needs, and the start-up check insists on it; this is what a lapse would meet.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["apps.common.api.parsers.JSONBody", "apps.common.api.parsers.MergePatchBody"],
    "DEFAULT_RENDERER_CLASSES": ["apps.common.api.renderers.JSONAnswer", "apps.common.api.renderers.ProblemAnswer"],
    "DEFAULT_SCHEMA_CLASS": "apps.common.api.schema.OperationSchema",
    "EXCEPTION_HANDLER": "apps.common.api.errors.problem_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Inventory",
    "DESCRIPTION": "Stock in an append-only double-entry ledger, and what it stands on.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "POSTPROCESSING_HOOKS": ["apps.common.api.schema.add_components"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

SECURE_CSP = {
    "default-src": ["'self'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "img-src": ["'self'", "data:"],
    "object-src": ["'none'"],
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if CONFIG.tls_terminated_by_proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True

MAX_BODY_BYTES = CONFIG.max_body_bytes
BATCH_MAX_BODY_BYTES = CONFIG.batch_max_body_bytes
DATA_UPLOAD_MAX_MEMORY_SIZE = CONFIG.batch_max_body_bytes
TRUSTED_PROXIES = CONFIG.trusted_proxies
PROBLEM_BASE = "/docs/problems/"

LOGGING = log_to_stderr(CONFIG.log_level)
