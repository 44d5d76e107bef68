"""Addresses below /scim/v2/."""

from django.urls import path, re_path

from apps.identity.api.scim.views import Elsewhere, Groups, OneGroup, OneUser, Service, Users

urlpatterns = [
    path("Users", Users.as_view(), name="scim-users"),
    path("Users/<str:pk>", OneUser.as_view(), name="scim-user"),
    path("Groups", Groups.as_view(), name="scim-groups"),
    path("Groups/<str:pk>", OneGroup.as_view(), name="scim-group"),
    re_path("^(?P<kind>ServiceProviderConfig|Schemas|ResourceTypes)$", Service.as_view(), name="scim-service"),
    re_path("^(?P<kind>Schemas|ResourceTypes)/(?P<pk>.+)$", Service.as_view(), name="scim-service-one"),
    path("<path:rest>", Elsewhere.as_view(), name="scim-elsewhere"),
]
