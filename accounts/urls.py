"""Addresses of the account pages."""

from __future__ import annotations

from allauth.account.views import login, logout
from django.urls import path
from django.views.decorators.http import require_POST

from accounts.views import (
    audit,
    deliveries,
    home,
    invitations,
    key_reports,
    members,
    profile,
    signatures,
    teams,
    webhooks,
)
from accounts.views import settings as team_settings

urlpatterns = [
    path("", home.home, name="home"),
    path("login/", login, name="login"),
    path("logout/", require_POST(logout), name="logout"),
    path("profile/", profile.profile, name="profile"),
    path("sessions/<int:session>/end/", profile.end_session, name="end_session"),
    path("teams/new/", teams.create, name="create_team"),
    path("invitations/<str:token>/", invitations.answer, name="invitation"),
    path("o/<slug:team>/members/", members.index, name="members"),
    path("o/<slug:team>/members/<uuid:user>/", members.change, name="member"),
    path("o/<slug:team>/members/<uuid:user>/remove/", members.remove, name="remove_member"),
    path("o/<slug:team>/invitations/", invitations.index, name="invitations"),
    path("o/<slug:team>/invitations/new/", invitations.create, name="invite"),
    path("o/<slug:team>/invitations/<uuid:invitation>/resend/", invitations.resend, name="resend_invitation"),
    path("o/<slug:team>/invitations/<uuid:invitation>/revoke/", invitations.revoke, name="revoke_invitation"),
    path("o/<slug:team>/audit/", audit.index, name="audit"),
    path("o/<slug:team>/audit.csv", audit.export, name="audit_csv"),
    path("o/<slug:team>/settings/", team_settings.index, name="settings"),
    path("o/<slug:team>/settings/retention/", team_settings.retention, name="set_retention"),
    path("o/<slug:team>/settings/two-factors/", team_settings.two_factors, name="require_two_factors"),
    path("o/<slug:team>/settings/leave/", team_settings.leave, name="leave_team"),
    path("o/<slug:team>/settings/transfer/", team_settings.transfer, name="transfer_team"),
    path("report-key/", key_reports.report, name="report_key"),
    path("o/<slug:team>/webhooks/", webhooks.index, name="webhooks"),
    path("o/<slug:team>/webhooks/new/", webhooks.create, name="create_webhook"),
    path("o/<slug:team>/webhooks/signature/", signatures.signature, name="test_signature"),
    path("o/<slug:team>/webhooks/callbacks/", deliveries.callbacks, name="callbacks"),
    path("o/<slug:team>/webhooks/callbacks/secret/", webhooks.callback_secret, name="callback_secret"),
    path(
        "o/<slug:team>/webhooks/callbacks/secret/remove/",
        webhooks.remove_callback_secret,
        name="remove_callback_secret",
    ),
    path("o/<slug:team>/webhooks/callbacks/again/", deliveries.redeliver_range, name="redeliver_callbacks"),
    path("o/<slug:team>/webhooks/deliveries/<uuid:message>/", deliveries.delivery, name="delivery"),
    path("o/<slug:team>/webhooks/deliveries/<uuid:message>/again/", deliveries.redeliver, name="redeliver"),
    path("o/<slug:team>/webhooks/<uuid:endpoint>/", deliveries.endpoint, name="webhook"),
    path("o/<slug:team>/webhooks/<uuid:endpoint>/edit/", webhooks.edit, name="edit_webhook"),
    path("o/<slug:team>/webhooks/<uuid:endpoint>/rotate/", webhooks.rotate, name="rotate_webhook"),
    path("o/<slug:team>/webhooks/<uuid:endpoint>/enable/", webhooks.enable, name="enable_webhook"),
    path("o/<slug:team>/webhooks/<uuid:endpoint>/disable/", webhooks.disable, name="disable_webhook"),
    path("o/<slug:team>/webhooks/<uuid:endpoint>/ping/", webhooks.ping, name="ping_webhook"),
    path("o/<slug:team>/webhooks/<uuid:endpoint>/remove/", webhooks.remove, name="remove_webhook"),
    path("o/<slug:team>/webhooks/<uuid:endpoint>/again/", deliveries.redeliver_range, name="redeliver_range"),
]
