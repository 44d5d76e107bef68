"""Addresses below /api/v1/locations/."""

from apps.common.api.resources import resource_urls
from apps.locations.api.v1.views import LOCATIONS

urlpatterns = resource_urls(LOCATIONS)
