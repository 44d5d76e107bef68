"""The WSGI application that granian serves."""

from django.core.checks import Tags, run_checks
from django.core.management.base import SystemCheckError
from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

# A server imports this module without any command's checks: a route that nobody declared must stop it as well.
_undeclared = [problem for problem in run_checks(tags=[Tags.security]) if problem.is_serious()]
if _undeclared:
    raise SystemCheckError("\n".join(str(problem) for problem in _undeclared))
