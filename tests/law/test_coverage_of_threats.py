"""Every fault and abuse of the matrices that a release answers for has tests, by name: whoever renames or
removes one of them finds out here what would go unwatched."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]

FAULTS = """
F01 faults/test_worker_death.py
    test_a_killed_workers_call_runs_again_in_time_and_is_charged_once
    test_everything_a_killed_worker_had_in_hand_runs_again
F02 faults/test_cluster_death.py
    test_a_cluster_whose_idle_worker_died_with_the_queues_lock_serves_again
    test_it_serves_again_within_a_minute_on_production_clocks
    test_a_cluster_with_all_its_workers_busy_is_left_alone
F03 faults/test_cluster_death.py
    test_a_killed_cluster_leaves_no_orphan_and_its_work_goes_on
F04 faults/test_worker_death.py
    test_a_worker_that_slept_through_its_lease_comes_second
    test_a_late_answer_counts_if_it_is_the_first_valid_one
F05 faults/test_worker_death.py
    test_poison_is_given_up_after_three_starts_and_hurts_nobody_else
F06 faults/test_crash_points.py
    test_workers_that_die_here_again_and_again_lose_and_charge_nothing_wrongly
F07 faults/test_crash_points.py
    test_a_client_without_an_answer_asks_again_and_gets_one_generation
    test_a_waiting_client_whose_server_dies_gets_its_image_by_asking_again
F08 faults/test_database_outage.py
    test_an_outage_loses_nothing_and_calls_nobody_twice
    test_no_cluster_was_killed_for_an_outage_that_it_did_not_cause
F09 faults/test_database_refuses.py
    test_connections_that_are_cut_cost_hardly_a_submit_and_no_image
F10 faults/test_database_refuses.py
    test_a_database_that_takes_nothing_is_told_to_the_client_and_leaves_no_half
F11 faults/test_broker_outage.py
    test_redis_that_dies_and_comes_back_empty_costs_time_and_nothing_else
F12 faults/test_storage_outage.py
    test_what_was_drawn_waits_for_the_store_and_is_bought_once
F12 law/test_store_away.py
    test_a_store_that_stays_away_fails_the_third_attempt_and_releases_the_hold
F12 faults/test_storage_faults.py
    test_a_store_that_is_away_for_a_while_costs_no_second_call
F13 faults/test_storage_faults.py
    test_a_truncated_image_is_not_charged_and_is_stored_whole_when_the_store_is_well_again
F14 faults/test_upstream_limits.py
    test_retry_after_is_honoured_and_nobody_holds_the_lease_meanwhile
    test_waiting_for_longer_than_five_minutes_spends_tries
F15 faults/test_upstream_outage.py
    test_the_breaker_opens_asks_once_a_second_and_closes_when_the_upstream_is_well
F15 generations/test_channels_breaker.py
    test_retries_are_a_tenth_of_the_calls_beyond_the_floor
F16 faults/test_upstream_limits.py
    test_an_attempt_ends_at_its_time_and_the_worker_is_free_meanwhile
F17 faults/test_upstream_malformed.py
    test_it_fails_with_a_stable_code_and_costs_nothing
    test_an_image_of_another_format_than_it_claims_is_an_image
F18 law/test_races.py
    test_fewer_images_than_asked_are_charged_as_fewer
F21 faults/test_lost_wakeups.py
    test_another_secret_key_delays_work_and_loses_none
F22 faults/test_lost_wakeups.py
    test_a_truncated_queue_delays_work_and_loses_none
F26 webhooks/test_callbacks.py
    test_the_ladder_counts_from_the_end_of_the_try_before
    test_two_failures_and_then_a_success_are_three_tries
    test_a_redirect_is_a_failure_and_never_followed
    test_a_body_without_end_is_cut_and_the_first_four_kilobytes_are_kept
    test_a_certificate_for_another_name_is_a_failure
    test_whoever_hangs_or_drips_is_left_after_ten_seconds
F26 faults/test_dispatcher_death.py
    test_two_failures_then_a_success_through_the_real_programs
F27 faults/test_dispatcher_death.py
    test_a_dispatcher_that_dies_after_sending_sends_again_with_the_same_id
F28 webhooks/test_dispatch.py
    test_fifty_receivers_that_hang_delay_nobody_else
    test_beside_fifty_that_hang_the_others_are_told_within_two_seconds
    test_the_others_find_a_slot_however_much_one_has_waiting
F29 faults/test_fairness.py
    test_another_teams_job_starts_within_five_seconds_of_a_flood
F30 law/test_cancel.py
    test_cancels_at_random_times_leave_one_final_state_each
F31 flows/test_money_races.py
    test_of_two_hundred_submits_exactly_fifty_are_held
F32 flows/test_idempotency.py
    test_fifty_clients_with_one_idempotency_key_make_one_generation
"""
ABUSES = """
A01 law/test_isolation.py
    test_a_foreign_object_is_none_at_the_door
    test_a_foreign_id_in_a_body_is_silently_absent
    test_nothing_foreign_is_in_a_list
    test_a_foreign_object_is_none_to_manage
    test_a_foreign_object_in_a_body_is_unknown
A01 law/test_page_roles.py
    test_what_belongs_to_no_team_of_his_looks_like_what_does_not_exist
A02 abuses/test_rights.py
    test_no_body_names_what_is_ours
    test_no_query_names_what_is_ours
    test_an_order_says_nothing_about_its_price_or_its_owner
A03 abuses/test_rights.py
    test_a_role_does_what_its_table_says_and_nothing_else
A03 law/test_page_roles.py
    test_a_role_opens_the_pages_of_its_column
A04 abuses/test_urls.py
    test_no_field_of_a_door_leads_inwards
    test_no_webhook_leads_inwards
A04 runtime/test_egress.py
    test_production_policies_hold_where_forbidden_addresses_really_listen
A05 abuses/test_urls.py
    test_a_name_is_judged_by_what_it_stands_for
A05 generations/inputs/test_addresses.py
    test_one_lookup_a_connection_and_a_rebound_name_is_refused
A05 runtime/test_http.py
    test_a_name_that_is_rebound_after_the_check_is_not_looked_up_again
    test_one_bad_address_among_good_ones_refuses_them_all
A06 abuses/test_urls.py
    test_no_redirect_leads_a_field_inwards
A06 runtime/test_http.py
    test_a_callback_follows_no_redirect
A07 abuses/test_wire.py
    test_slow_senders_keep_nobody_else_waiting
    test_the_samples_for_a_front_close_on_slow_senders
A08 abuses/test_wire.py
    test_a_body_without_a_length_is_read_as_far_as_it_may_go
    test_a_body_that_says_it_is_too_large_is_not_read_at_all
    test_a_body_in_disguise_is_not_unpacked
A08 flows/test_bad_input.py
    test_an_encoded_body_is_unsupported
    test_a_body_in_chunks_is_refused_once_it_is_too_large
A09 abuses/test_wire.py
    test_what_is_no_strict_json_is_refused
    test_no_address_of_a_door_stumbles_over_what_it_is_sent
A09 flows/test_bad_input.py
    test_what_is_no_strict_json_is_refused
A10 abuses/test_pictures.py
    test_a_bomb_goes_off_in_no_field
A10 generations/inputs/test_hostile_images.py
    test_a_bomb_does_not_go_off
    test_a_text_that_swells_is_not_read
    test_an_animation_is_refused
A11 abuses/test_pictures.py
    test_what_is_no_picture_is_taken_by_no_field
    test_what_is_kept_is_nothing_but_the_picture
    test_what_an_engine_is_shown_is_nothing_but_the_picture
A12 abuses/test_pages.py
    test_what_a_customer_wrote_is_text_on_every_page_of_his_team
    test_what_a_customer_wrote_is_text_on_every_page_of_the_operators
    test_no_page_would_run_a_script_that_got_in
A12 accounts/test_pages_payloads.py
    test_a_payload_is_text_on_every_page
A12 browser/test_payloads.py
    test_the_teams_pages_show_payloads_as_text
    test_the_operators_pages_show_payloads_as_text
A13 abuses/test_pictures.py
    test_what_is_shown_is_shown_as_a_picture
    test_no_spelling_of_a_link_makes_it_a_page
A14 abuses/test_exports.py
    test_a_text_that_would_be_a_formula_begins_with_an_apostrophe
    test_no_cell_of_any_file_is_a_formula
A15 accounts/test_pages_guessing.py
    test_after_five_failures_each_try_waits_twice_as_long_up_to_a_quarter_of_an_hour
    test_one_address_may_fail_twenty_times_in_a_quarter_of_an_hour
    test_what_is_told_is_the_same_for_a_known_and_an_unknown_address
    test_an_unknown_address_costs_a_hash_too
    test_a_challenge_takes_five_wrong_codes_and_then_not_even_the_right_one
    test_a_guessed_link_for_a_new_password_opens_nothing
    test_where_the_owner_was_logged_in_before_nobody_elsewhere_shuts_him_out
A16 accounts/test_pages_sessions.py
    test_logging_in_changes_the_session_id
    test_after_logging_out_the_old_id_opens_nothing
    test_a_new_password_ends_the_other_sessions_and_keeps_this_one
    test_another_role_ends_the_sessions_it_was_not_given_to
A17 abuses/test_pages.py
    test_no_page_takes_a_form_of_another_site
    test_the_pages_did_refuse_for_that_reason
    test_the_management_api_takes_no_request_of_another_site
A18 abuses/test_keys.py
    test_a_guess_a_typo_and_nonsense_are_told_the_same
    test_a_key_in_the_address_opens_nothing_and_is_kept_nowhere
    test_the_twenty_first_bad_key_of_a_minute_is_told_to_wait
A19 abuses/test_keys.py
    test_the_time_of_a_lookup_says_nothing_about_a_key
A20 abuses/test_keys.py
    test_a_key_that_is_over_is_refused_at_every_door_on_the_next_request
    test_a_key_of_one_mode_sees_nothing_of_the_other
A21 abuses/test_money.py
    test_of_orders_at_five_doors_at_once_those_that_are_paid_for_are_taken
    test_a_cancel_and_an_end_at_once_are_one_end
    test_a_payment_that_is_told_twenty_times_is_credited_once
A22 abuses/test_money.py
    test_a_count_that_is_none_is_refused
    test_one_more_than_a_door_makes_is_refused
A23 abuses/test_money.py
    test_another_order_under_the_same_key_is_refused_at_every_door
    test_teams_and_modes_have_keys_of_their_own
    test_a_key_of_a_bad_form_is_refused_at_every_door
A24 webhooks/test_signatures.py
    test_the_vector_of_the_specification
    test_it_refuses_another_body_id_time_or_secret
    test_it_refuses_what_is_more_than_five_minutes_off
A25 abuses/test_headers.py
    test_a_prompt_never_reaches_a_header
    test_a_files_name_never_reaches_a_header
    test_no_address_to_call_has_lines
A26 abuses/test_two_hundred_secrets.py
    test_there_are_two_hundred_of_them
    test_no_log_has_any
    test_no_dump_of_the_database_has_any
    test_no_error_repeats_any
A26 flows/test_canaries.py
    test_no_secret_and_no_prompt_is_in_any_log
    test_no_secret_is_in_any_column_of_the_database
    test_what_was_said_is_in_its_order_and_in_what_its_team_keeps_of_calls
A27 abuses/test_patterns.py
    test_no_pattern_is_slower_than_its_text_is_long
A28 abuses/test_headers.py
    test_our_address_is_ours_whatever_a_request_says
    test_a_page_under_a_name_that_is_not_ours_is_refused
    test_a_stranger_cannot_choose_his_address
A28 accounts/test_pages_entrance.py
    test_links_in_mail_lead_to_our_own_address_whatever_the_request_said
A29 accounts/test_pages_entrance.py
    test_no_way_in_leads_to_another_host
A30 accounts/test_pages_invitations.py
    test_an_invitation_for_somebody_else_is_refused
A30 accounts/test_pages_members.py
    test_the_last_owner_cannot_leave
    test_nobody_promotes_himself
    test_nobody_gives_takes_or_changes_a_role_above_his_own
A35 admin/test_glass.py
    test_support_sees_neither_prompt_nor_picture_before
    test_it_is_over_after_half_an_hour
    test_every_page_says_so_while_it_lasts_and_it_can_be_sealed_again
    test_the_team_reads_who_looked_and_why
    test_a_reason_is_a_sentence
"""
NOT_YET = {
    "F19": "faults/test_stopping.py stops programs under load; half an hour of deploys is a soak's",
    "F20": "needs two checkouts; migrations are additive, and the migration linter refuses others",
    "F23": "the parts are there (leases, alerts of a late janitor in the doctor); ten minutes are for a soak",
    "F24": "webhooks/test_dispatch.py and law/test_races.py have the pairs; no run of whole programs yet",
    "F25": "leases, entries and tries take the database's time; no clock is shifted in a test yet",
    "F33": "bombs one by one are A10's; five hundred with a look at the memory are for a soak",
    "F34": "a drill for whoever operates it, with backups of his own",
    "F35": "an hour",
    "A31": "webhooks/test_dispatch.py holds the limit for each host; no flag for abuse yet",
    "A32": "generations/inputs/test_gate.py holds places and megabytes; no run with a crowd yet",
    "A33": "rows of the corpus that A04's tests walk through",
    "A34": "wake-ups carry no arguments; what a leaked SECRET_KEY lets a writer of the queue do has no test",
    "A36": "requirements are hashed; the audit of them is the build's, not a test's",
}
"""Rows that nobody asked of this release, and what there is of them."""
ROWS = {f"F{number:02}" for number in range(1, 36)} | {f"A{number:02}" for number in range(1, 37)}


def table() -> dict[str, list[tuple[str, str]]]:
    """The tests of each row: file and function."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in filter(None, (FAULTS + ABUSES).splitlines()):
        if not line.startswith(" "):
            row, _, file = line.partition(" ")
        else:
            found.setdefault(row, []).append((file, line.strip()))
    return found


@cache
def functions(path: Path) -> frozenset[str]:
    """The tests of a file, by its source; none of one that is not there."""
    if not path.is_file():
        return frozenset()
    nodes = ast.walk(ast.parse(path.read_text()))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("row", sorted(table()))
def test_the_tests_of_a_row_exist(row: str) -> None:
    missing = [(file, test) for file, test in table()[row] if test not in functions(TESTS / file)]
    assert missing == []


def test_every_row_has_tests_or_a_reason_and_not_both() -> None:
    assert set(table()) | set(NOT_YET) == ROWS
    assert not set(table()) & set(NOT_YET)
    assert all(len(reason) > 5 for reason in NOT_YET.values())


def test_no_test_stands_twice_in_a_row() -> None:
    assert {row: tests for row, tests in table().items() if len(tests) != len(set(tests))} == {}
