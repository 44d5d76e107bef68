"""What the bench serves: the project and the bare views, in one process, under the same settings."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
