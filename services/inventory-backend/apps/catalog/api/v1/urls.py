"""Addresses below /api/v1/catalog/."""

from django.urls import path

from apps.catalog.api.v1.views import ITEMS, LOTS, SERIALS, UNITS, ItemUnitMember, ItemUnits
from apps.common.api.resources import resource_urls

urlpatterns = [
    *(pattern for resource in (UNITS, ITEMS, LOTS, SERIALS) for pattern in resource_urls(resource)),
    path("items/<str:selector>/units", ItemUnits.as_view(), name="item-units"),
    path("items/<str:selector>/units/<path:code>", ItemUnitMember.as_view(), name="item-units-one"),
]
