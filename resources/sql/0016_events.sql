-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- What happened (docs/reference/events.md): shipped by nodes, once each; counted by the coordinator; told by functions that
-- answer few questions. Nobody reads a table of these.

DO $do$
DECLARE
  r text;
BEGIN
  FOREACH r IN ARRAY ARRAY[
    'dvpe_events',     -- definer: takes events, counts them, lets go of them
    'dvpe_analytics']  -- definer: reads what was counted, and no event
  LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', r);
    END IF;
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC', r);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE USAGE ON TYPES FROM PUBLIC', r);
  END LOOP;
END
$do$;
CREATE SCHEMA events AUTHORIZATION dvpe_owner;
CREATE SCHEMA analytics AUTHORIZATION dvpe_owner;
GRANT USAGE ON SCHEMA events TO dvpe_machine, dvpe_registry, dvpe_events, dvpe_analytics;
GRANT USAGE ON SCHEMA analytics TO dvpe_person, dvpe_analytics;
GRANT USAGE ON SCHEMA dvpe, session, registry TO dvpe_events, dvpe_analytics;
GRANT EXECUTE ON FUNCTION session.machine(), session.has_role(text) TO dvpe_events;
GRANT EXECUTE ON FUNCTION session.me(), session.organisation(), session.has_role(text) TO dvpe_analytics;
GRANT EXECUTE ON FUNCTION registry.check_epoch(bigint) TO dvpe_events;

-- ---- tables

-- What events are about, each once: names of documents. '': not about any.
CREATE TABLE dvpe.event_place (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,  -- SHA-256 of the ten as a JSON list
  channel text NOT NULL, variant text NOT NULL, rule text NOT NULL, campaign text NOT NULL, line text NOT NULL,
  creative text NOT NULL, content text NOT NULL, country text NOT NULL, device text NOT NULL, arm text NOT NULL
);

-- A partition for each day, event_20260301, made by events.make_day. A second event of the same day and id is the first one.
CREATE TABLE dvpe.event (
  day date NOT NULL,  -- UTC
  id uuid NOT NULL,
  place bigint NOT NULL,
  node uuid NOT NULL,
  at timestamptz NOT NULL,
  kind smallint NOT NULL,
  session uuid NOT NULL,
  visitor bigint NOT NULL,  -- 0: not counted
  break_number bigint NOT NULL,
  slot smallint NOT NULL,
  value bigint NOT NULL,
  weight real NOT NULL,
  text text NOT NULL,
  sealed bytea,
  batch bigint NOT NULL,
  PRIMARY KEY (day, id)
) PARTITION BY RANGE (day);
CREATE INDEX event_batch_of ON dvpe.event (batch);

-- What a node has shipped at once. from_event above the watermark of then: the node could not read what was between.
CREATE TABLE dvpe.event_batch (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  node uuid NOT NULL REFERENCES dvpe.machine,
  spool uuid NOT NULL,
  from_event bigint NOT NULL,
  to_event bigint NOT NULL,
  events int NOT NULL,       -- that came
  inserted int NOT NULL,     -- the others were there already, or
  refused int NOT NULL,      -- of days that are over or far ahead, or not what an event is
  skipped bigint NOT NULL,   -- numbers between the watermark and from_event
  first_day date, last_day date,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  rolled boolean NOT NULL DEFAULT false
);
CREATE INDEX event_batch_unrolled ON dvpe.event_batch (id) WHERE NOT rolled;

-- Up to where a spool's events have come. It moves in the transaction that takes them.
CREATE TABLE dvpe.event_watermark (
  node uuid NOT NULL REFERENCES dvpe.machine,
  spool uuid NOT NULL,
  next_event bigint NOT NULL CHECK (next_event >= 0),
  PRIMARY KEY (node, spool)
);

-- How many there were: of each group (events.groups_of) and kind by minute, hour and day, UTC.
CREATE TABLE dvpe.event_rollup (
  grouping_name text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,   -- the channel or campaign
  grain text COLLATE "C" NOT NULL CHECK (grain IN ('minute', 'hour', 'day')),
  bucket timestamptz NOT NULL,         -- its beginning
  keys text[] COLLATE "C" NOT NULL,    -- the group's other texts
  kind smallint NOT NULL,
  count float8 NOT NULL,               -- sum of weights
  value float8 NOT NULL,               -- sum of value times weight
  PRIMARY KEY (grouping_name, subject, grain, bucket, keys, kind)
) WITH (fillfactor = 70);
CREATE INDEX event_rollup_old ON dvpe.event_rollup (bucket) WHERE grain = 'minute';

-- Who differs, by hour: the 1,024 smallest of the hashes of a group's visitors, ascending. Below 1,024 they are all of them,
-- so that the rule of twenty counts and does not guess; above, how small the largest is says how many there are (bottom-k;
-- standard error 1 / sqrt(1022), 3.1 %). Sketches of groups are merged like sets. Of a visitor 32 bits remain.
CREATE TABLE dvpe.event_reach (
  grouping_name text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  bucket timestamptz NOT NULL,
  keys text[] COLLATE "C" NOT NULL,
  kind smallint NOT NULL,
  visitors int[] NOT NULL CHECK (cardinality(visitors) BETWEEN 1 AND 1024),
  PRIMARY KEY (grouping_name, subject, bucket, keys, kind)
) WITH (fillfactor = 70);
CREATE INDEX event_reach_old ON dvpe.event_reach (bucket);

DO $do$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['event_place', 'event', 'event_batch', 'event_watermark', 'event_rollup', 'event_reach'] LOOP
    EXECUTE format('ALTER TABLE dvpe.%I OWNER TO dvpe_owner', t);
    EXECUTE format('ALTER TABLE dvpe.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY events ON dvpe.%I TO dvpe_events USING (true)', t);
  END LOOP;
END
$do$;
GRANT SELECT, INSERT ON dvpe.event_place, dvpe.event TO dvpe_events;
GRANT SELECT, INSERT, UPDATE ON dvpe.event_watermark TO dvpe_events;
GRANT SELECT, INSERT, UPDATE, DELETE ON dvpe.event_batch, dvpe.event_rollup, dvpe.event_reach TO dvpe_events;
GRANT SELECT ON dvpe.event_rollup, dvpe.event_reach TO dvpe_analytics;
CREATE POLICY analytics ON dvpe.event_rollup FOR SELECT TO dvpe_analytics USING (true);
CREATE POLICY analytics ON dvpe.event_reach FOR SELECT TO dvpe_analytics USING (true);

-- ---- days

-- Partitions belong to who owns the table, so these two run as the owner: the only ones that do. What comes in is a date.
CREATE FUNCTION events.make_day(which date) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  name text := 'event_' || to_char(which, 'YYYYMMDD');
  today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
BEGIN
  IF (which BETWEEN today - 7 AND today + 1) IS NOT TRUE THEN
    RAISE EXCEPTION 'no events are taken of this day' USING ERRCODE = '22023';
  END IF;
  IF to_regclass('dvpe.' || name) IS NOT NULL THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('dvpe.event', 0));  -- two that begin the same day at once
  IF to_regclass('dvpe.' || name) IS NOT NULL THEN RETURN; END IF;
  -- Attached, and not created as a partition: that would wait for everybody who is just writing, and they for it.
  EXECUTE format('CREATE TABLE dvpe.%I (LIKE dvpe.event)', name);
  EXECUTE format('ALTER TABLE dvpe.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
  EXECUTE format('ALTER TABLE dvpe.event ATTACH PARTITION dvpe.%I FOR VALUES FROM (%L) TO (%L)', name, which, which + 1);
END
$$;
ALTER FUNCTION events.make_day(date) OWNER TO dvpe_owner;

-- Gives up when it would have to wait for writers for longer than 2 s: they wait behind it.
CREATE FUNCTION events.drop_day(which date) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s'
AS $$
BEGIN
  IF (which < (clock_timestamp() AT TIME ZONE 'UTC')::date - 7) IS NOT TRUE THEN
    RAISE EXCEPTION 'events of this day may still come' USING ERRCODE = '22023';
  END IF;
  EXECUTE format('DROP TABLE dvpe.%I', 'event_' || to_char(which, 'YYYYMMDD'));
END
$$;
ALTER FUNCTION events.drop_day(date) OWNER TO dvpe_owner;
GRANT EXECUTE ON FUNCTION events.make_day(date), events.drop_day(date) TO dvpe_events;

-- ---- by nodes

-- Up to where this spool's events have come: what to ship next.
CREATE FUNCTION events.watermark(spool uuid) RETURNS bigint
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('node') THEN RAISE EXCEPTION 'only a node ships events' USING ERRCODE = '42501'; END IF;
  RETURN coalesce((SELECT w.next_event FROM dvpe.event_watermark w WHERE w.node = session.machine() AND w.spool = watermark.spool), 0);
END
$$;

-- Takes the events [from_event, to_event) of a node's spool, once: when the watermark is above from_event already, nothing is
-- taken. In any case says where it is now. Each event is one element of each array from `place` on; `place` counts the
-- places, ten texts each, from 0. Events that may not be taken are counted as refused and nothing else: what a node cannot
-- ship it would send for ever.
CREATE FUNCTION events.ship(spool uuid, from_event bigint, to_event bigint, places text[], place int[], ids uuid[], days int[],
                            kinds smallint[], ats bigint[], sessions uuid[], visitors bigint[], breaks bigint[], slots smallint[],
                            "values" bigint[], weights real[], texts text[], sealed bytea[],
                            OUT watermark bigint, OUT inserted int, OUT refused int)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET work_mem = '32MB'
AS $$
DECLARE
  who uuid := session.machine();
  n int := cardinality(ids);
  today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
  epoch constant date := '1970-01-01';
  place_ids bigint[];
  made bigint;
  first date;
  last date;
  d date;
BEGIN
  IF NOT session.has_role('node') THEN RAISE EXCEPTION 'only a node ships events' USING ERRCODE = '42501'; END IF;
  IF (spool IS NOT NULL AND from_event >= 0 AND to_event >= from_event + n AND n <= 50000 AND cardinality(places) % 10 = 0
      AND cardinality(places) <= 500000) IS NOT TRUE THEN
    RAISE EXCEPTION 'a batch has at most 50,000 events, each with a number' USING ERRCODE = '22023';
  END IF;
  IF (ARRAY[cardinality(place), cardinality(days), cardinality(kinds), cardinality(ats), cardinality(sessions), cardinality(visitors),
            cardinality(breaks), cardinality(slots), cardinality("values"), cardinality(weights), cardinality(texts),
            cardinality(sealed)] = array_fill(n, ARRAY[12])) IS NOT TRUE THEN
    RAISE EXCEPTION 'the arrays of a batch are of one length' USING ERRCODE = '22023';
  END IF;
  INSERT INTO dvpe.event_watermark (node, spool, next_event) VALUES (who, ship.spool, 0) ON CONFLICT DO NOTHING;
  SELECT w.next_event INTO STRICT ship.watermark FROM dvpe.event_watermark w WHERE w.node = who AND w.spool = ship.spool FOR UPDATE;
  inserted := 0;
  refused := 0;
  IF from_event < watermark OR to_event = watermark THEN RETURN; END IF;

  -- Days before anything of dvpe.event is locked, and all in one order: nobody waits for anybody who waits for them.
  FOR d IN SELECT DISTINCT epoch + x FROM unnest(days) x WHERE x BETWEEN today - epoch - 7 AND today - epoch + 1 ORDER BY 1 LOOP
    PERFORM events.make_day(d);
    first := least(first, d);
    last := greatest(last, d);
  END LOOP;

  WITH said AS MATERIALIZED (
    SELECT (o - 1) / 10 AS n, array_agg(x ORDER BY o) AS t, bool_and(coalesce(octet_length(x) <= 128, false)) AS good
    FROM unnest(places) WITH ORDINALITY u(x, o) GROUP BY 1),
  named AS MATERIALIZED (SELECT s.n, s.t, sha256(convert_to(array_to_json(s.t)::text, 'UTF8')) AS digest FROM said s WHERE s.good)
  INSERT INTO dvpe.event_place (digest, channel, variant, rule, campaign, line, creative, content, country, device, arm)
    SELECT DISTINCT ON (m.digest) m.digest, m.t[1], m.t[2], m.t[3], m.t[4], m.t[5], m.t[6], m.t[7], m.t[8], m.t[9], m.t[10]
    FROM named m WHERE NOT EXISTS (SELECT FROM dvpe.event_place p WHERE p.digest = m.digest) ORDER BY m.digest
    ON CONFLICT DO NOTHING;
  -- A statement of its own: it sees those that another node has just made. 0: no place.
  SELECT coalesce(array_agg(coalesce(p.id, 0) ORDER BY s.n), '{}') INTO place_ids
    FROM (SELECT (o - 1) / 10 AS n, sha256(convert_to(array_to_json(array_agg(x ORDER BY o))::text, 'UTF8')) AS digest
          FROM unnest(places) WITH ORDINALITY u(x, o) GROUP BY 1) s
    LEFT JOIN dvpe.event_place p USING (digest);

  INSERT INTO dvpe.event_batch (node, spool, from_event, to_event, events, inserted, refused, skipped, first_day, last_day)
    VALUES (who, ship.spool, ship.from_event, ship.to_event, n, 0, 0, ship.from_event - ship.watermark, first, last)
    RETURNING id INTO made;
  -- In the order of their keys: two nodes that ship the same ones would wait for each other.
  WITH came AS MATERIALIZED (
    SELECT u.*, place_ids[u.place + 1] AS place_id,
           (u.day BETWEEN today - epoch - 7 AND today - epoch + 1 AND place_ids[u.place + 1] > 0 AND u.id IS NOT NULL
            AND u.kind BETWEEN 1 AND 255 AND u.at / 86400000000 BETWEEN u.day - 1 AND u.day + 1 AND u.session IS NOT NULL
            AND u.visitor IS NOT NULL AND u.break_number IS NOT NULL AND u.slot IS NOT NULL AND u.value IS NOT NULL
            AND u.weight > 0 AND u.weight <= 1000000 AND octet_length(u.text) <= 512
            AND coalesce(octet_length(u.sealed), 0) <= 4096) IS TRUE AS good
    FROM unnest(place, ids, days, kinds, ats, sessions, visitors, breaks, slots, "values", weights, texts, ship.sealed)
      AS u(place, id, day, kind, at, session, visitor, break_number, slot, value, weight, text, sealed)),
  taken AS (
    INSERT INTO dvpe.event (day, id, place, node, at, kind, session, visitor, break_number, slot, value, weight, text, sealed, batch)
      SELECT epoch + c.day, c.id, c.place_id, who, timestamptz '1970-01-01 00:00:00+00' + c.at * interval '1 microsecond', c.kind,
             c.session, c.visitor, c.break_number, c.slot, c.value, c.weight, c.text, c.sealed, made
      FROM came c WHERE c.good ORDER BY c.day, c.id
      ON CONFLICT DO NOTHING RETURNING 1)
  SELECT (SELECT count(*) FROM taken), (SELECT count(*) FROM came c WHERE NOT c.good) INTO ship.inserted, ship.refused;
  UPDATE dvpe.event_batch b SET inserted = ship.inserted, refused = ship.refused, rolled = ship.inserted = 0 WHERE b.id = made;
  UPDATE dvpe.event_watermark w SET next_event = ship.to_event WHERE w.node = who AND w.spool = ship.spool;
  watermark := to_event;
END
$$;
ALTER FUNCTION events.watermark(uuid) OWNER TO dvpe_events;
ALTER FUNCTION events.ship(uuid, bigint, bigint, text[], int[], uuid[], int[], smallint[], bigint[], uuid[], bigint[], bigint[],
                           smallint[], bigint[], real[], text[], bytea[]) OWNER TO dvpe_events;
GRANT EXECUTE ON FUNCTION events.watermark(uuid),
  events.ship(uuid, bigint, bigint, text[], int[], uuid[], int[], smallint[], bigint[], uuid[], bigint[], bigint[], smallint[],
              bigint[], real[], text[], bytea[]) TO dvpe_node;

-- ---- counting, by the coordinator

-- What is counted together: the written list. A group has a name, the channel or campaign it belongs to, and its other texts.
CREATE FUNCTION events.groups_of(p dvpe.event_place) RETURNS TABLE (name text, subject text, keys text[])
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT g.name, g.subject, g.keys FROM (VALUES
    ('channel', p.channel, '{}'::text[]),
    ('channel_variant', p.channel, ARRAY[p.variant]),
    ('channel_rule', p.channel, ARRAY[p.rule]),
    ('channel_country', p.channel, ARRAY[p.country]),
    ('channel_device', p.channel, ARRAY[p.device]),
    ('channel_arm', p.channel, ARRAY[p.arm]),
    ('campaign_creative', p.campaign, ARRAY[p.channel, p.line, p.creative]),
    ('campaign_country', p.campaign, ARRAY[p.country]),
    ('campaign_device', p.campaign, ARRAY[p.device])) g(name, subject, keys)
  WHERE g.subject <> ''
$$;
ALTER FUNCTION events.groups_of(dvpe.event_place) OWNER TO dvpe_events;

-- Of two sketches one, and how many visitors one stands for.
CREATE FUNCTION events.reach_merged(a int[], b int[]) RETURNS int[]
  LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp
  AS $$ SELECT ARRAY(SELECT DISTINCT h FROM unnest(a || b) h ORDER BY h LIMIT 1024) $$;
CREATE FUNCTION events.reach_count(visitors int[]) RETURNS bigint
  LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp
  AS $$ SELECT CASE WHEN cardinality(visitors) < 1024 THEN cardinality(visitors)
                    ELSE round(1023 * 4294967296.0 / (visitors[1024]::bigint + 2147483649))::bigint END $$;
ALTER FUNCTION events.reach_merged(int[], int[]) OWNER TO dvpe_events;
ALTER FUNCTION events.reach_count(int[]) OWNER TO dvpe_events;
GRANT EXECUTE ON FUNCTION events.reach_count(int[]) TO dvpe_analytics;

-- Counts whole batches that have not been counted, the oldest first, and marks them in the same transaction. How many it were.
CREATE FUNCTION events.roll(most_batches int, epoch bigint) RETURNS int
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET work_mem = '64MB'
AS $$
DECLARE
  taken bigint[];
  first date;
  last date;
BEGIN
  IF NOT session.has_role('coordinator') THEN RAISE EXCEPTION 'only a coordinator counts' USING ERRCODE = '42501'; END IF;
  PERFORM registry.check_epoch(epoch);
  SELECT array_agg(b.id), min(b.first_day), max(b.last_day) INTO taken, first, last
    FROM (SELECT x.id, x.first_day, x.last_day FROM dvpe.event_batch x WHERE NOT x.rolled ORDER BY x.id
          LIMIT greatest(least(most_batches, 100), 0) FOR UPDATE SKIP LOCKED) b;
  IF taken IS NULL THEN RETURN 0; END IF;

  WITH e AS MATERIALIZED (
    SELECT v.place, v.kind, date_bin('1 minute', v.at, '2000-01-01 00:00:00+00') AS bucket, sum(v.weight::float8) AS count,
           sum(v.value * v.weight::float8) AS value
    FROM dvpe.event v WHERE v.day BETWEEN first AND last AND v.batch = ANY (taken) GROUP BY 1, 2, 3),
  g AS MATERIALIZED (
    SELECT p.id AS place, s.name, s.subject, s.keys
    FROM dvpe.event_place p CROSS JOIN LATERAL events.groups_of(p) s WHERE p.id IN (SELECT x.place FROM e x)),
  m AS MATERIALIZED (
    SELECT g.name, g.subject, g.keys, e.kind, e.bucket, sum(e.count) AS count, sum(e.value) AS value
    FROM e JOIN g USING (place) GROUP BY 1, 2, 3, 4, 5)
  INSERT INTO dvpe.event_rollup AS r (grouping_name, subject, grain, bucket, keys, kind, count, value)
    SELECT m.name, m.subject, s.grain, date_bin(s.step, m.bucket, '2000-01-01 00:00:00+00') AS began, m.keys, m.kind, sum(m.count),
           sum(m.value)
    FROM m CROSS JOIN (VALUES ('minute', interval '1 minute'), ('hour', '1 hour'), ('day', '1 day')) s(grain, step)
    GROUP BY m.name, m.subject, s.grain, began, m.keys, m.kind
    ON CONFLICT ON CONSTRAINT event_rollup_pkey DO UPDATE SET count = r.count + excluded.count, value = r.value + excluded.value;

  WITH v AS MATERIALIZED (
    SELECT DISTINCT x.place, x.kind, date_bin('1 hour', x.at, '2000-01-01 00:00:00+00') AS bucket,
           (hashint8extended(x.visitor, 0) >> 32)::int AS hash
    FROM dvpe.event x WHERE x.day BETWEEN first AND last AND x.batch = ANY (taken) AND x.visitor <> 0),
  g AS MATERIALIZED (
    SELECT p.id AS place, s.name, s.subject, s.keys
    FROM dvpe.event_place p CROSS JOIN LATERAL events.groups_of(p) s WHERE p.id IN (SELECT x.place FROM v x))
  INSERT INTO dvpe.event_reach AS r (grouping_name, subject, bucket, keys, kind, visitors)
    SELECT g.name, g.subject, v.bucket, g.keys, v.kind, (array_agg(DISTINCT v.hash ORDER BY v.hash))[1:1024]
    FROM v JOIN g USING (place) GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT ON CONSTRAINT event_reach_pkey DO UPDATE SET visitors = events.reach_merged(r.visitors, excluded.visitors);

  UPDATE dvpe.event_batch b SET rolled = true WHERE b.id = ANY (taken);
  RETURN cardinality(taken);
END
$$;
ALTER FUNCTION events.roll(int, bigint) OWNER TO dvpe_events;
GRANT EXECUTE ON FUNCTION events.roll(int, bigint) TO dvpe_coordinator;

-- ---- what goes when its time is over, as in 0014

-- Events after 30 days, whole days at once; what was counted by minute, and sketches, after 90. Makes the days that come.
CREATE FUNCTION events.retain() RETURNS jsonb
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
  d date;
  days int := 0;
  minutes int;
  sketches int;
  batches int;
BEGIN
  FOR d IN SELECT to_date(substr(c.relname, 7), 'YYYYMMDD') FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
           WHERE i.inhparent = 'dvpe.event'::regclass AND substr(c.relname, 7) < to_char(today - 30, 'YYYYMMDD') ORDER BY 1 LOOP
    BEGIN
      PERFORM events.drop_day(d);
      days := days + 1;
    EXCEPTION WHEN lock_not_available THEN EXIT;  -- the next time
    END;
  END LOOP;
  DELETE FROM dvpe.event_rollup r WHERE r.ctid = ANY (ARRAY(
    SELECT x.ctid FROM dvpe.event_rollup x WHERE x.grain = 'minute' AND x.bucket < today - 90 LIMIT 10000));
  GET DIAGNOSTICS minutes = ROW_COUNT;
  DELETE FROM dvpe.event_reach r WHERE r.ctid = ANY (ARRAY(
    SELECT x.ctid FROM dvpe.event_reach x WHERE x.bucket < today - 90 LIMIT 10000));
  GET DIAGNOSTICS sketches = ROW_COUNT;
  DELETE FROM dvpe.event_batch b WHERE b.id = ANY (ARRAY(
    SELECT x.id FROM dvpe.event_batch x WHERE x.rolled AND x.at < clock_timestamp() - interval '30 days' ORDER BY x.id LIMIT 10000));
  GET DIAGNOSTICS batches = ROW_COUNT;
  PERFORM events.make_day(today), events.make_day(today + 1);
  RETURN jsonb_build_object('event_days', days, 'event_minutes', minutes, 'event_sketches', sketches, 'event_batches', batches);
END
$$;
ALTER FUNCTION events.retain() OWNER TO dvpe_events;
GRANT EXECUTE ON FUNCTION events.retain() TO dvpe_registry;

CREATE OR REPLACE FUNCTION registry.retain(epoch bigint) RETURNS jsonb
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  old bigint[];
  removed jsonb;
BEGIN
  IF NOT session.has_role('coordinator') THEN RAISE EXCEPTION 'only a coordinator clears away' USING ERRCODE = '42501'; END IF;
  PERFORM registry.check_epoch(epoch);
  old := ARRAY(SELECT r.sequence FROM dvpe.release r
               WHERE r.at < clock_timestamp() - interval '90 days'
                 AND r.sequence <= (SELECT max(m.sequence) - 1000 FROM dvpe.release m)
               ORDER BY r.sequence LIMIT 100);
  DELETE FROM dvpe.acknowledgement a WHERE a.sequence = ANY(old);
  DELETE FROM dvpe.effective_statement e WHERE e.sequence = ANY(old);
  DELETE FROM dvpe.rollout_halt h WHERE h.sequence = ANY(old);
  DELETE FROM dvpe.release r WHERE r.sequence = ANY(old);
  SELECT coalesce(jsonb_object_agg(x.key, x.value), '{}') INTO removed
    FROM jsonb_each(session.retain() || registry.retain_library() || events.retain()
                    || jsonb_build_object('releases', cardinality(old))) x
    WHERE x.value <> '0';
  IF removed - 'proofs' <> '{}' THEN PERFORM audit.append('retention', 'database', removed, NULL); END IF;
  RETURN removed;
END
$$;

-- ---- what is told

-- Whose document this is: in the newest release, else of who was first to have one. Two organisations may use one name, and
-- only one of them is on the air.
CREATE FUNCTION registry.owner_of(kind text, document text) RETURNS text
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  whose text;
BEGIN
  SELECT d->>'organisation' INTO whose
    FROM (SELECT r.contents FROM dvpe.release r ORDER BY r.sequence DESC LIMIT 1) newest
    CROSS JOIN LATERAL jsonb_array_elements(convert_from(newest.contents, 'UTF8')::jsonb->'documents') d
    WHERE d->>'kind' = owner_of.kind AND d->>'id' = owner_of.document;
  IF whose IS NULL THEN
    SELECT r.organisation INTO whose FROM dvpe.revision r WHERE r.kind = owner_of.kind AND r.document = owner_of.document
      ORDER BY r.accepted, r.organisation LIMIT 1;
  END IF;
  RETURN whose;
END
$$;
ALTER FUNCTION registry.owner_of(text, text) OWNER TO dvpe_registry;
GRANT EXECUTE ON FUNCTION registry.owner_of(text, text) TO dvpe_analytics;

-- The coarsest of minute, hour and day that both moments begin: sums of any are exact.
CREATE FUNCTION analytics.grain_of("from" timestamptz, "to" timestamptz) RETURNS text
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN ("from" < "to") IS NOT TRUE THEN NULL
              WHEN date_bin('1 day', "from", '2000-01-01 00:00:00+00') = "from" AND date_bin('1 day', "to", '2000-01-01 00:00:00+00') = "to" THEN 'day'
              WHEN date_bin('1 hour', "from", '2000-01-01 00:00:00+00') = "from" AND date_bin('1 hour', "to", '2000-01-01 00:00:00+00') = "to" THEN 'hour'
              WHEN date_bin('1 minute', "from", '2000-01-01 00:00:00+00') = "from" AND date_bin('1 minute', "to", '2000-01-01 00:00:00+00') = "to" THEN 'minute'
         END
$$;
ALTER FUNCTION analytics.grain_of(timestamptz, timestamptz) OWNER TO dvpe_analytics;

-- A campaign's own impressions in [from, to), whole minutes, exact at any size: in a playlist, delivered, confirmed by the
-- player. Minutes are kept for 90 days; what is older is asked for in whole hours or days, UTC.
CREATE FUNCTION analytics.delivery(campaign text, "from" timestamptz, "to" timestamptz)
  RETURNS TABLE (channel text, line text, creative text, decided bigint, delivered bigint, confirmed bigint)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  step text := analytics.grain_of("from", "to");
BEGIN
  IF session.me() IS NULL OR NOT (session.has_role('admin') OR session.has_role('ad_operations')
      OR ((session.has_role('advertiser') OR session.has_role('analyst'))
          AND coalesce(registry.owner_of('campaign', delivery.campaign) = session.organisation(), false))) THEN
    RAISE EXCEPTION 'this is not a campaign of yours' USING ERRCODE = '42501';
  END IF;
  IF step IS NULL THEN RAISE EXCEPTION 'from one whole minute to a later one' USING ERRCODE = '22023'; END IF;
  RETURN QUERY SELECT r.keys[1], r.keys[2], r.keys[3],
      round(coalesce(sum(r.count) FILTER (WHERE r.kind = 20), 0))::bigint,
      round(coalesce(sum(r.count) FILTER (WHERE r.kind = 21), 0))::bigint,
      round(coalesce(sum(r.count) FILTER (WHERE r.kind = 22), 0))::bigint
    FROM dvpe.event_rollup r
    WHERE r.grouping_name = 'campaign_creative' AND r.subject = delivery.campaign AND r.grain = step
      AND r.bucket >= "from" AND r.bucket < "to" AND r.kind IN (20, 21, 22)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
END
$$;

-- Whoever runs the channel. Never an advertiser.
CREATE FUNCTION analytics.check_channel(channel text) RETURNS void
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF session.me() IS NULL OR NOT (session.has_role('admin')
      OR ((session.has_role('creator') OR session.has_role('analyst') OR session.has_role('broadcaster') OR session.has_role('ad_operations'))
          AND coalesce(registry.owner_of('channel', check_channel.channel) = session.organisation(), false))) THEN
    RAISE EXCEPTION 'this is not a channel of yours' USING ERRCODE = '42501';
  END IF;
END
$$;

-- A channel's events of each kind by 'country', 'device', 'variant', 'rule' or 'arm', from hours that were over a quarter of an
-- hour ago. An hour's cell with fewer than 20 visitors is left out, and with it the smallest of the others, so that what is
-- missing from the hour's total stands for 20 or more. What is told is always a sum of the same whole cells, so
-- that subtracting answers finds no cell that was left out. Events that come later than that still change an hour that was told.
CREATE FUNCTION analytics.breakdown(channel text, dimension text, "from" timestamptz, "to" timestamptz)
  RETURNS TABLE (key text, kind smallint, count float8, value float8, hours bigint)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM analytics.check_channel(channel);
  IF (dimension IN ('country', 'device', 'variant', 'rule', 'arm')) IS NOT TRUE THEN
    RAISE EXCEPTION 'there is no breakdown by this' USING ERRCODE = '22023';
  END IF;
  IF (analytics.grain_of("from", "to") IN ('hour', 'day')) IS NOT TRUE THEN
    RAISE EXCEPTION 'from one whole hour to a later one' USING ERRCODE = '22023';
  END IF;
  RETURN QUERY
    WITH cells AS (
      SELECT r.bucket, r.keys[1] AS cell, r.kind AS what, r.count AS events, r.value AS total,
             coalesce(events.reach_count(v.visitors), 0) AS people
      FROM dvpe.event_rollup r LEFT JOIN dvpe.event_reach v
        ON v.grouping_name = r.grouping_name AND v.subject = r.subject AND v.bucket = r.bucket AND v.keys = r.keys AND v.kind = r.kind
      WHERE r.grouping_name = 'channel_' || dimension AND r.subject = breakdown.channel AND r.grain = 'hour'
        AND r.bucket >= "from" AND r.bucket < least("to", date_bin('1 hour', clock_timestamp() - interval '15 minutes', '2000-01-01 00:00:00+00'))),
    ranked AS (
      SELECT c.*, bool_or(c.people < 20) OVER (PARTITION BY c.bucket, c.what) AS any_hidden,
             row_number() OVER (PARTITION BY c.bucket, c.what, c.people < 20 ORDER BY c.people, c.cell) AS nth
      FROM cells c)
    SELECT c.cell, c.what, sum(c.events), sum(c.total), pg_catalog.count(*)
    FROM ranked c WHERE c.people >= 20 AND NOT (c.any_hidden AND c.nth = 1) GROUP BY 1, 2 ORDER BY 2, 3 DESC, 1;
END
$$;

-- How many watched a channel, on the average of each minute: seconds that heartbeats tell of, divided by 60.
CREATE FUNCTION analytics.concurrents(channel text, "from" timestamptz, "to" timestamptz)
  RETURNS TABLE (minute timestamptz, viewers float8)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM analytics.check_channel(channel);
  IF (analytics.grain_of("from", "to") IS NOT NULL AND "to" - "from" <= interval '31 days') IS NOT TRUE THEN
    RAISE EXCEPTION 'from one whole minute to a later one, at most 31 days' USING ERRCODE = '22023';
  END IF;
  RETURN QUERY SELECT r.bucket, r.value / 60
    FROM dvpe.event_rollup r
    WHERE r.grouping_name = 'channel' AND r.subject = concurrents.channel AND r.grain = 'minute' AND r.kind = 2
      AND r.bucket >= "from" AND r.bucket < "to" ORDER BY 1;
END
$$;
ALTER FUNCTION analytics.delivery(text, timestamptz, timestamptz) OWNER TO dvpe_analytics;
ALTER FUNCTION analytics.check_channel(text) OWNER TO dvpe_analytics;
ALTER FUNCTION analytics.breakdown(text, text, timestamptz, timestamptz) OWNER TO dvpe_analytics;
ALTER FUNCTION analytics.concurrents(text, timestamptz, timestamptz) OWNER TO dvpe_analytics;
GRANT EXECUTE ON FUNCTION analytics.delivery(text, timestamptz, timestamptz), analytics.breakdown(text, text, timestamptz, timestamptz),
  analytics.concurrents(text, timestamptz, timestamptz) TO dvpe_person;
