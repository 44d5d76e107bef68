"""Addresses below /api/v1/parties/."""

from apps.common.api.resources import resource_urls
from apps.parties.api.v1.views import PARTIES

urlpatterns = resource_urls(PARTIES)
