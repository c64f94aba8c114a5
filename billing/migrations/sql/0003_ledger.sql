-- The ledger's transfers as functions, so that a submit and a finish are one round trip each.
-- Called by billing/ledger.py, and by the generations' functions within their own statement.
-- Lock order inside: entries, budget rows by id, usage roll-up, wallet last.
--
-- Raised, with a JSON detail:  EZ402 no credit   EZ403 budget   EZ409 another amount under this key

-- One transfer; false if it was booked before with the same amount.
CREATE FUNCTION billing_book(
    p_organization uuid, p_mode text, p_kind text, p_debit text, p_credit text, p_amount bigint,
    p_tokens bigint, p_unit_price bigint, p_generation uuid, p_reference text, p_reason text, p_actor text
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO billing_entry (organization_id, mode, kind, debit, credit, amount, tokens, unit_price,
                               generation_id, reference, reason, actor, created_at)
    VALUES (p_organization, p_mode, p_kind, p_debit, p_credit, p_amount, p_tokens, p_unit_price,
            p_generation, p_reference, p_reason, p_actor, clock_timestamp())
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

-- The beginning of the period that a moment lies in: UTC, weeks from Monday.
CREATE FUNCTION billing_window(p_period text, p_at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE p_period WHEN 'total' THEN timestamptz 'epoch' ELSE date_trunc(p_period, p_at, 'UTC') END
$$;

-- Count an amount against every budget of the key and of the organization, or refuse.
CREATE FUNCTION billing_reserve(p_organization uuid, p_mode text, p_key uuid, p_amount bigint, p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    budget record;
BEGIN
    FOR budget IN
        SELECT id, key_id, period, "limit", used, billing_window(period, p_at) AS starts FROM billing_budget
        WHERE organization_id = p_organization AND mode = p_mode AND (key_id = p_key OR key_id IS NULL)
        ORDER BY id FOR UPDATE
    LOOP
        -- Somebody from after midnight came first: the old period is over and counts no more.
        CONTINUE WHEN EXISTS (SELECT FROM billing_budget WHERE id = budget.id AND "window" > budget.starts);
        UPDATE billing_budget
        SET used = CASE WHEN "window" = budget.starts THEN used ELSE 0 END + p_amount, "window" = budget.starts
        WHERE id = budget.id
          AND CASE WHEN "window" = budget.starts THEN used ELSE 0 END + p_amount <= "limit";
        IF NOT FOUND THEN
            RAISE EXCEPTION 'budget' USING ERRCODE = 'EZ403', DETAIL = json_build_object(
                'owner', CASE WHEN budget.key_id IS NULL THEN 'organization' ELSE 'key' END,
                'period', budget.period, 'limit', budget."limit",
                -- as it is now: the loop's own reading may be older than who came before
                'used', (SELECT CASE WHEN "window" = budget.starts THEN used ELSE 0 END
                         FROM billing_budget WHERE id = budget.id));
        END IF;
    END LOOP;
END $$;

-- prepaid -> held. A test wallet that is empty fills itself up.
CREATE FUNCTION billing_hold(
    p_organization uuid, p_mode text, p_key uuid, p_generation uuid, p_tokens bigint, p_unit_price bigint,
    p_at timestamptz, p_test_credit bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_amount bigint := p_tokens * p_unit_price;
    v_available bigint;
BEGIN
    IF NOT billing_book(p_organization, p_mode, 'hold', 'prepaid', 'held', v_amount, p_tokens, p_unit_price,
                        p_generation, 'hold:' || p_generation, '', '') THEN
        RETURN;
    END IF;
    PERFORM billing_reserve(p_organization, p_mode, p_key, v_amount, p_at);
    UPDATE billing_wallet SET held = held + v_amount
    WHERE organization_id = p_organization AND mode = p_mode AND posted - held >= v_amount;
    IF FOUND THEN
        RETURN;
    END IF;
    IF p_mode = 'test' THEN
        PERFORM billing_grant(p_organization, p_mode, greatest(p_test_credit, v_amount), 'refill:' || p_generation,
                              'Test wallets refill by themselves.', 'system');
        UPDATE billing_wallet SET held = held + v_amount
        WHERE organization_id = p_organization AND mode = p_mode AND posted - held >= v_amount;
        RETURN;
    END IF;
    SELECT coalesce(sum(posted - held), 0) INTO v_available FROM billing_wallet
    WHERE organization_id = p_organization AND mode = p_mode;
    RAISE EXCEPTION 'no credit' USING ERRCODE = 'EZ402',
        DETAIL = json_build_object('needed', v_amount, 'available', v_available);
END $$;

-- funding -> prepaid. False if this reference was booked before.
CREATE FUNCTION billing_grant(
    p_organization uuid, p_mode text, p_amount bigint, p_reference text, p_reason text, p_actor text
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT billing_book(p_organization, p_mode, 'grant', 'funding', 'prepaid', p_amount, NULL, NULL, NULL,
                        p_reference, p_reason, p_actor) THEN
        RETURN false;
    END IF;
    INSERT INTO billing_wallet (id, organization_id, mode, posted, held)
    VALUES (gen_random_uuid(), p_organization, p_mode, p_amount, 0)
    ON CONFLICT ON CONSTRAINT billing_wallet_once DO UPDATE SET posted = billing_wallet.posted + excluded.posted;
    RETURN true;
END $$;

-- held -> revenue for what is charged, held -> prepaid for the rest; then the roll-up and the wallet.
-- Does nothing when the hold was closed before.
CREATE FUNCTION billing_close(
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
