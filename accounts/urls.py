"""Addresses of the account pages."""

from __future__ import annotations

from django.urls import path

from accounts.views import home, session

urlpatterns = [
    path("", home.home, name="home"),
    path("login/", session.LogIn.as_view(), name="login"),
    path("logout/", session.LogOut.as_view(), name="logout"),
]
