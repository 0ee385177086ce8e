"""The pages of Django itself: a page that presses, and the login."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from .views import home

urlpatterns = [
    path("", home),
    path("login/", LoginView.as_view(template_name="login.html")),
    path("logout/", LogoutView.as_view()),
]
