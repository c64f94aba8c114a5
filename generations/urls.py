"""Addresses of the pages about what was asked and what came out, and about the keys that ask."""

from __future__ import annotations

from django.urls import path

from generations.views import (
    drawn,
    images,
    keeping,
    key_changes,
    key_making,
    keys,
    overview,
    playground,
    requests,
    tasks,
)

urlpatterns = [
    path("o/<slug:team>/", overview.index, name="overview"),
    path("o/<slug:team>/steps/", overview.steps, name="first_steps"),
    path("o/<slug:team>/playground/", playground.index, name="playground"),
    path("o/<slug:team>/playground/price/", playground.price, name="playground_price"),
    path("o/<slug:team>/playground/settings/", playground.settings, name="playground_settings"),
    path("o/<slug:team>/playground/references/", playground.references, name="playground_references"),
    path("o/<slug:team>/playground/<uuid:generation>/", playground.run, name="playground_run"),
    path("o/<slug:team>/playground/<uuid:generation>/stage/", playground.stage, name="playground_stage"),
    path("o/<slug:team>/playground/<uuid:generation>/events/", playground.events, name="playground_events"),
    path("o/<slug:team>/images/", images.index, name="images"),
    path("o/<slug:team>/images/zip/", images.download, name="zip_images"),
    path("o/<slug:team>/images/delete/", images.delete, name="delete_images"),
    path("o/<slug:team>/tasks/", tasks.index, name="tasks"),
    path("o/<slug:team>/tasks/<uuid:generation>/", tasks.detail, name="task"),
    path("o/<slug:team>/tasks/<uuid:generation>/cancel/", tasks.cancel, name="cancel_task"),
    path("o/<slug:team>/tasks/<uuid:generation>/keep/", keeping.pin, name="pin_task"),
    path("o/<slug:team>/tasks/<uuid:generation>/links/", keeping.renew_links, name="renew_links"),
    path("o/<slug:team>/tasks/<uuid:generation>/contest/", tasks.contest, name="contest_task"),
    path("o/<slug:team>/tasks/<uuid:generation>/pictures/<int:number>/", drawn.reference, name="reference"),
    path("o/<slug:team>/requests/", requests.index, name="requests"),
    path("o/<slug:team>/requests/<uuid:call>/", requests.detail, name="request"),
    path("o/<slug:team>/keys/", keys.index, name="keys"),
    path("o/<slug:team>/keys/new/", key_making.create, name="create_key"),
    path("o/<slug:team>/keys/find/", keys.find, name="find_key"),
    path("o/<slug:team>/keys/<uuid:key>/", keys.detail, name="key"),
    path("o/<slug:team>/keys/<uuid:key>/first-call/", keys.first_call, name="first_call"),
    path("o/<slug:team>/keys/<uuid:key>/edit/", key_changes.edit, name="edit_key"),
    path("o/<slug:team>/keys/<uuid:key>/rotate/", key_making.rotate, name="rotate_key"),
    path("o/<slug:team>/keys/<uuid:key>/end-grace/", key_changes.end_grace, name="end_grace"),
    path("o/<slug:team>/keys/<uuid:key>/restore/", key_changes.thaw, name="thaw_key"),
    path("o/<slug:team>/keys/<uuid:key>/revoke/", key_changes.revoke, name="revoke_key"),
    path("o/<slug:team>/keys/<uuid:key>/budgets/", key_changes.set_budget, name="set_key_budget"),
    path(
        "o/<slug:team>/keys/<uuid:key>/budgets/<uuid:budget>/delete/",
        key_changes.delete_budget,
        name="delete_key_budget",
    ),
]
