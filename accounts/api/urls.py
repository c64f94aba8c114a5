"""Addresses below `/api/v1/`: who is asking."""

from __future__ import annotations

from django.urls import path

from accounts.api.deliveries import DeliveriesView, DeliveryView, RedeliverRangeView, RedeliverView
from accounts.api.keys import KeysView, KeyView, RevokeView, RotateView
from accounts.api.leaks import LeakedKeysView
from accounts.api.organization import MembersView, MemberView, OrganizationView
from accounts.api.webhooks import (
    CallbackSecretView,
    DisableWebhookView,
    EnableWebhookView,
    PingWebhookView,
    RotateWebhookView,
    WebhooksView,
    WebhookView,
)

urlpatterns = [
    path("organization", OrganizationView.as_view()),
    path("members", MembersView.as_view()),
    path("members/<uuid:user>", MemberView.as_view()),
    path("keys", KeysView.as_view()),
    path("keys/<uuid:key>", KeyView.as_view()),
    path("keys/<uuid:key>/rotate", RotateView.as_view()),
    path("keys/<uuid:key>/revoke", RevokeView.as_view()),
    path("leaked-keys", LeakedKeysView.as_view()),
    path("webhooks", WebhooksView.as_view()),
    path("webhooks/<uuid:webhook>", WebhookView.as_view()),
    path("webhooks/<uuid:webhook>/rotate", RotateWebhookView.as_view()),
    path("webhooks/<uuid:webhook>/enable", EnableWebhookView.as_view()),
    path("webhooks/<uuid:webhook>/disable", DisableWebhookView.as_view()),
    path("webhooks/<uuid:webhook>/ping", PingWebhookView.as_view()),
    path("callback-secret", CallbackSecretView.as_view()),
    path("deliveries", DeliveriesView.as_view()),
    path("deliveries/redeliver", RedeliverRangeView.as_view()),
    path("deliveries/<uuid:delivery>", DeliveryView.as_view()),
    path("deliveries/<uuid:delivery>/redeliver", RedeliverView.as_view()),
]
