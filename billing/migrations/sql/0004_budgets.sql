-- held -> revenue for what is charged, held -> prepaid for the rest; then the roll-up and the wallet.
-- Does nothing when the hold was closed before.
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
                             p_charged, p_unit_price, p_generation, 'settle:' || p_generation, '', '');
    END IF;
    IF v_back > 0 THEN
        PERFORM billing_book(p_organization, p_mode, 'release', 'held', 'prepaid', v_back, p_held - p_charged,
                             p_unit_price, p_generation, 'release:' || p_generation, '', '');
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
