"""Addresses below `/api/v1/`: what was asked, what came out."""

from __future__ import annotations

from django.urls import path

from generations.api.batches import BatchesView, BatchView, CancelBatchView, ItemsView, ResultsView
from generations.api.events import EventsView
from generations.api.generations import (
    CancelView,
    ContestView,
    GenerationsView,
    GenerationView,
    LinksView,
    OutputsView,
    RevokeLinksView,
)
from generations.api.models import ModelsView
from generations.api.requests import RequestsView, RequestView

urlpatterns = [
    path("models", ModelsView.as_view()),
    path("generations", GenerationsView.as_view()),
    path("generations/<str:generation>", GenerationView.as_view()),
    path("generations/<str:generation>/cancel", CancelView.as_view()),
    path("generations/<str:generation>/contest", ContestView.as_view()),
    path("generations/<str:generation>/outputs", OutputsView.as_view()),
    path("generations/<str:generation>/links", LinksView.as_view()),
    path("generations/<str:generation>/links/revoke", RevokeLinksView.as_view()),
    path("generations/<str:generation>/events", EventsView.as_view()),
    path("requests", RequestsView.as_view()),
    path("requests/<uuid:call>", RequestView.as_view()),
    path("batches", BatchesView.as_view()),
    path("batches/<uuid:batch>", BatchView.as_view()),
    path("batches/<uuid:batch>/cancel", CancelBatchView.as_view()),
    path("batches/<uuid:batch>/items", ItemsView.as_view()),
    path("batches/<uuid:batch>/results", ResultsView.as_view()),
]
