from django.urls import include, path

from rbac_toy import views

urlpatterns = [
    path("livez", views.livez),
    path("api/", include([path("token", views.Token.as_view()), path("me", views.Me.as_view())])),
]
