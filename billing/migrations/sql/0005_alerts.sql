-- One transfer, made at a moment; false if it was booked before with the same amount.
DROP FUNCTION billing_book(uuid, text, text, text, text, bigint, bigint, bigint, uuid, text, text, text);
CREATE FUNCTION billing_book(
    p_organization uuid, p_mode text, p_kind text, p_debit text, p_credit text, p_amount bigint,
    p_tokens bigint, p_unit_price bigint, p_generation uuid, p_reference text, p_reason text, p_actor text,
    p_at timestamptz DEFAULT clock_timestamp()
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO billing_entry (organization_id, mode, kind, debit, credit, amount, tokens, unit_price,
                               generation_id, reference, reason, actor, created_at)
    VALUES (p_organization, p_mode, p_kind, p_debit, p_credit, p_amount, p_tokens, p_unit_price,
            p_generation, p_reference, p_reason, p_actor, p_at)
    ON CONFLICT ON CONSTRAINT billing_entry_reference_once DO NOTHING;
    IF FOUND THEN
        RETURN true;
    END IF;
    PERFORM FROM billing_entry
    WHERE organization_id = p_organization AND kind = p_kind AND reference = p_reference
      AND amount = p_amount AND debit = p_debit AND mode = p_mode;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% was booked before with another amount', p_reference USING ERRCODE = 'EZ409';
    END IF;
    RETURN false;
END $$;

-- held -> revenue for what is charged, held -> prepaid for the rest; then the roll-up and the wallet.
-- Does nothing when the hold was closed before. The entries carry the moment that the roll-up counts them at:
-- usage and ledger agree at the edge of every day and month, in any timezone.
CREATE OR REPLACE FUNCTION billing_close(
    p_organization uuid, p_mode text, p_key uuid, p_generation uuid, p_held bigint, p_charged bigint,
    p_unit_price bigint, p_held_at timestamptz, p_closed_at timestamptz, p_member uuid, p_model text,
    p_dialect text, p_outcome text, p_images int
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_back bigint := (p_held - p_charged) * p_unit_price;
BEGIN
    IF p_charged NOT BETWEEN 0 AND p_held THEN
        RAISE EXCEPTION 'a charge is at most its hold' USING ERRCODE = 'EZ409';
    END IF;
    PERFORM FROM billing_entry WHERE generation_id = p_generation AND kind IN ('settle', 'release');
    IF FOUND THEN
        RETURN false;
    END IF;
    IF p_charged > 0 THEN
        PERFORM billing_book(p_organization, p_mode, 'settle', 'held', 'revenue', p_charged * p_unit_price,
                             p_charged, p_unit_price, p_generation, 'settle:' || p_generation, '', '', p_closed_at);
    END IF;
    IF v_back > 0 THEN
        PERFORM billing_book(p_organization, p_mode, 'release', 'held', 'prepaid', v_back, p_held - p_charged,
                             p_unit_price, p_generation, 'release:' || p_generation, '', '', p_closed_at);
        UPDATE billing_budget SET used = greatest(used - v_back, 0)
        WHERE id IN (SELECT id FROM billing_budget
                     WHERE organization_id = p_organization AND mode = p_mode
                       AND (key_id = p_key OR key_id IS NULL) AND "window" = billing_window(period, p_held_at)
                       AND created_at <= p_held_at  -- a younger budget never counted this hold
                     ORDER BY id FOR UPDATE);
    END IF;
    INSERT INTO billing_usage (organization_id, mode, quarter, key_id, member_id, model, dialect, outcome,
                               generations, images, tokens, amount, milliseconds)
    VALUES (p_organization, p_mode, date_bin('15 minutes', p_closed_at, timestamptz 'epoch'), p_key, p_member,
            p_model, p_dialect, p_outcome, 1, p_images, p_charged, p_charged * p_unit_price,
            (extract(epoch FROM p_closed_at - p_held_at) * 1000)::bigint)
    ON CONFLICT ON CONSTRAINT billing_usage_once DO UPDATE SET
        generations = billing_usage.generations + 1,
        images = billing_usage.images + excluded.images,
        tokens = billing_usage.tokens + excluded.tokens,
        amount = billing_usage.amount + excluded.amount,
        milliseconds = billing_usage.milliseconds + excluded.milliseconds;
    UPDATE billing_wallet SET held = held - p_held * p_unit_price, posted = posted - p_charged * p_unit_price
    WHERE organization_id = p_organization AND mode = p_mode;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the wallet is missing' USING ERRCODE = 'EZ409';
    END IF;
    RETURN true;
END $$;

-- Who falls below his line is looked for over all organizations.
GRANT SELECT ON billing_wallet TO easel_worker;
GRANT SELECT ON billing_budget TO easel_worker;
