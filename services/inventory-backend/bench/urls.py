"""Every address of the service, and the bare views that it is measured against."""

from django.urls import path

from bench.bare import BarePage, BareRowInsert
from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as service

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [
    *service,
    path("bare/rows", BareRowInsert.as_view()),
    path("bare/page", BarePage.as_view()),
]
