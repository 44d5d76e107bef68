"""The address of whoever is asking, beside the domains."""

from django.urls import path

from apps.identity.api.v1.views.me import Me

urlpatterns = [path("me", Me.as_view(), name="me")]
