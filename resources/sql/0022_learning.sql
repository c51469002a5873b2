-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- What models learn from (docs/reference/learning.md): choices that nodes have told of, each with what came of it, in the order
-- in which that is known; and what the coordinator has learnt so far.

-- ---- choices

-- A creative that a model chose for a slot, and what the player told of it. Two days are kept.
CREATE TABLE dvpe.ranked (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  day date NOT NULL,
  session uuid NOT NULL,
  break_number bigint NOT NULL,
  slot smallint NOT NULL,
  visitor bigint NOT NULL,  -- 0: not counted
  at timestamptz NOT NULL,
  due timestamptz NOT NULL,  -- when all that may come of it has come; later than any moment that was read before it was here
  arm text COLLATE "C" NOT NULL,
  text text NOT NULL,       -- as it was told: release, plan, model, candidates with probabilities, facts
  started boolean NOT NULL DEFAULT false,
  completed boolean NOT NULL DEFAULT false,
  clicked boolean NOT NULL DEFAULT false,
  liked boolean NOT NULL DEFAULT false,
  disliked boolean NOT NULL DEFAULT false,
  UNIQUE (day, session, break_number, slot)
) WITH (fillfactor = 80);
CREATE INDEX ranked_due ON dvpe.ranked (due, id);
CREATE INDEX ranked_visitor ON dvpe.ranked (visitor) WHERE visitor <> 0;

-- What was learnt from choices up to `due`, `id`. One row; read and written as a whole.
CREATE TABLE dvpe.learning_state (
  what text PRIMARY KEY CHECK (what = 'creatives'),
  state bytea NOT NULL,
  due timestamptz NOT NULL,
  id bigint NOT NULL,
  number bigint NOT NULL,  -- of the newest model
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
DO $do$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['ranked', 'learning_state'] LOOP
    EXECUTE format('ALTER TABLE dvpe.%I OWNER TO dvpe_owner', t);
    EXECUTE format('ALTER TABLE dvpe.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY events ON dvpe.%I TO dvpe_events USING (true)', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON dvpe.%I TO dvpe_events', t);
  END LOOP;
END
$do$;

-- Runs where batches are marked as counted, in that transaction. A choice that comes late is left out: what came of it may have
-- come before it. What the players told: 22 started, 26 complete, 28 clicked, 60 feedback.
CREATE FUNCTION events.count_ranked() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET work_mem = '64MB'
AS $$
DECLARE
  taken bigint[];
  first date;
  last date;
BEGIN
  SELECT array_agg(a.id), min(a.first_day), max(a.last_day) INTO taken, first, last
    FROM marked a JOIN unmarked b USING (id) WHERE a.rolled AND NOT b.rolled AND a.inserted > 0;
  IF taken IS NULL THEN RETURN NULL; END IF;
  INSERT INTO dvpe.ranked (day, session, break_number, slot, visitor, at, due, arm, text)
    SELECT v.day, v.session, v.break_number, v.slot, v.visitor, v.at,
           clock_timestamp() + least(greatest(v.value, 0), 3600) * interval '1 second' + interval '90 seconds',
           substring(v.text from '"aim":"([a-z]{1,16})"') || '/' || p.line || '/' || p.creative, v.text
    FROM dvpe.event v JOIN dvpe.event_place p ON p.id = v.place
    WHERE v.day BETWEEN first AND last AND v.batch = ANY (taken) AND v.kind = 15
      AND v.text ~ '"aim":"[a-z]{1,16}".*"facts":"([A-Za-z0-9+/]{8}){0,24}"'
      AND v.at > clock_timestamp() - interval '1 minute' AND v.session <> '00000000-0000-0000-0000-000000000000'
      AND p.line <> '' AND p.creative <> ''
    ORDER BY 1, 2, 3, 4 ON CONFLICT DO NOTHING;
  IF NOT EXISTS (SELECT FROM dvpe.ranked r WHERE r.due > clock_timestamp()) THEN RETURN NULL; END IF;
  WITH told AS MATERIALIZED (
    SELECT v.day, v.session, v.break_number, v.slot, bool_or(v.kind = 22) AS started, bool_or(v.kind = 26) AS completed,
           bool_or(v.kind = 28) AS clicked, bool_or(v.kind = 60 AND v.text = 'like') AS liked,
           bool_or(v.kind = 60 AND v.text IN ('dislike', 'hide')) AS disliked
    FROM dvpe.event v
    WHERE v.day BETWEEN first AND last AND v.batch = ANY (taken) AND v.kind IN (22, 26, 28, 60) AND v.slot > 0
    GROUP BY 1, 2, 3, 4)
  UPDATE dvpe.ranked r
    SET started = r.started OR t.started, completed = r.completed OR t.completed, clicked = r.clicked OR t.clicked,
        liked = r.liked OR t.liked, disliked = r.disliked OR t.disliked
    FROM told t WHERE r.day = t.day AND r.session = t.session AND r.break_number = t.break_number AND r.slot = t.slot;
  RETURN NULL;
END
$$;
ALTER FUNCTION events.count_ranked() OWNER TO dvpe_events;
CREATE TRIGGER ranked AFTER UPDATE ON dvpe.event_batch REFERENCING OLD TABLE AS unmarked NEW TABLE AS marked
  FOR EACH STATEMENT EXECUTE FUNCTION events.count_ranked();

CREATE FUNCTION events.retain_ranked() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  DELETE FROM dvpe.ranked r WHERE r.ctid = ANY (ARRAY(
    SELECT x.ctid FROM dvpe.ranked x WHERE x.due < clock_timestamp() - interval '2 days' ORDER BY x.due LIMIT 100000));
  RETURN NULL;
END
$$;
ALTER FUNCTION events.retain_ranked() OWNER TO dvpe_events;
CREATE TRIGGER ranked_that_are_old AFTER DELETE ON dvpe.event_batch FOR EACH STATEMENT EXECUTE FUNCTION events.retain_ranked();

-- Of a viewer who is erased, with the rest of what is made of events.
CREATE FUNCTION events.erase_ranked() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF OLD.visitors IS NOT NULL AND NEW.visitors IS NULL THEN
    DELETE FROM dvpe.ranked r WHERE r.visitor <> 0 AND r.visitor = ANY (OLD.visitors);
  END IF;
  RETURN NULL;
END
$$;
ALTER FUNCTION events.erase_ranked() OWNER TO dvpe_events;
CREATE TRIGGER ranked AFTER UPDATE OF visitors ON dvpe.erasure FOR EACH ROW EXECUTE FUNCTION events.erase_ranked();

-- ---- by the coordinator

-- Choices that are due, after these, oldest first. reward: null when nobody has told that it was shown. facts: as nodes pack
-- them.
CREATE FUNCTION events.examples(due timestamptz, id bigint, most int)
  RETURNS TABLE (next_due timestamptz, next_id bigint, at bigint, arm text, facts bytea, reward float8)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('coordinator') THEN RAISE EXCEPTION 'only a coordinator learns' USING ERRCODE = '42501'; END IF;
  RETURN QUERY SELECT r.due, r.id, (extract(epoch FROM r.at) * 1000000)::bigint, r.arm,
      CASE WHEN r.started THEN decode(substring(r.text from '"facts":"([A-Za-z0-9+/]*)"'), 'base64') END,
      CASE WHEN NOT r.started THEN NULL
           WHEN starts_with(r.arm, 'completed/') THEN r.completed::int::float8
           WHEN r.disliked THEN 0 WHEN r.clicked OR r.liked THEN 1 WHEN r.completed THEN 0.5 ELSE 0 END::float8
    FROM dvpe.ranked r
    WHERE (r.due, r.id) > (examples.due, examples.id) AND r.due < clock_timestamp()
    ORDER BY r.due, r.id LIMIT least(examples.most, 50000);
END
$$;
ALTER FUNCTION events.examples(timestamptz, bigint, int) OWNER TO dvpe_events;
GRANT EXECUTE ON FUNCTION events.examples(timestamptz, bigint, int) TO dvpe_coordinator;

-- What was learnt, and from what. By the coordinator that leads.
CREATE FUNCTION events.store_learning(state bytea, due timestamptz, id bigint, number bigint, epoch bigint) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('coordinator') THEN RAISE EXCEPTION 'only a coordinator learns' USING ERRCODE = '42501'; END IF;
  PERFORM registry.check_epoch(epoch);
  INSERT INTO dvpe.learning_state AS s (what, state, due, id, number)
    VALUES ('creatives', store_learning.state, store_learning.due, store_learning.id, store_learning.number)
    ON CONFLICT ON CONSTRAINT learning_state_pkey
      DO UPDATE SET state = excluded.state, due = excluded.due, id = excluded.id, number = excluded.number, at = clock_timestamp();
END
$$;
ALTER FUNCTION events.store_learning(bytea, timestamptz, bigint, bigint, bigint) OWNER TO dvpe_events;
GRANT EXECUTE ON FUNCTION events.store_learning(bytea, timestamptz, bigint, bigint, bigint) TO dvpe_coordinator;

-- Its last word; no row: nothing was learnt yet.
CREATE FUNCTION events.learning() RETURNS TABLE (state bytea, due timestamptz, id bigint, number bigint)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('coordinator') THEN RAISE EXCEPTION 'only a coordinator learns' USING ERRCODE = '42501'; END IF;
  RETURN QUERY SELECT s.state, s.due, s.id, s.number FROM dvpe.learning_state s WHERE s.what = 'creatives';
END
$$;
ALTER FUNCTION events.learning() OWNER TO dvpe_events;
GRANT EXECUTE ON FUNCTION events.learning() TO dvpe_coordinator;

-- What is told of a choice is longer than other texts.
DO $do$
DECLARE
  made constant text := pg_get_functiondef('events.ship'::regproc);
BEGIN
  IF position('octet_length(u.text) <= 512' IN made) = 0 THEN RAISE EXCEPTION 'events.ship is not as it was'; END IF;
  EXECUTE replace(made, 'octet_length(u.text) <= 512', 'octet_length(u.text) <= CASE u.kind WHEN 15 THEN 2048 ELSE 512 END');
END
$do$;
