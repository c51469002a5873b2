-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- Viewers who want to be forgotten (docs/decisions/0014): what is asked, who has done it, and the database's own part. A request
-- has a keyed digest of the pseudonym, of which nodes find what they keep, and the viewer's numbers of months, by which events
-- are found here. The numbers go when the tables are clear, the digest 30 days after all is done.

-- ---- tables

CREATE TABLE dvpe.erasure (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- in the order in which they are committed
  request uuid NOT NULL UNIQUE REFERENCES dvpe.privacy_request,
  organisation text NOT NULL REFERENCES dvpe.organisation,
  digest bytea CHECK (length(digest) = 32),              -- null: 30 days are over
  visitors bigint[] CHECK (cardinality(visitors) <= 16),  -- null: the tables are clear
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  next_day date NOT NULL,   -- of events, to be cleared
  cleared_at timestamptz,
  done_at timestamptz
);
CREATE INDEX erasure_open ON dvpe.erasure (sequence) WHERE done_at IS NULL;

-- Up to which request a node has forgotten whom it was asked to.
CREATE TABLE dvpe.erasure_node (
  node uuid PRIMARY KEY REFERENCES dvpe.machine,
  up_to bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Whose events are taken without their visitor when they come late: hashes of the numbers. Until the request is done all of
-- them, since a node that has not heard of it may go on telling; then those that happened before.
CREATE TABLE dvpe.erased_visitor (
  hash bytea PRIMARY KEY CHECK (length(hash) = 32),
  request uuid NOT NULL,
  until timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE INDEX erased_visitor_request ON dvpe.erased_visitor (request);

DO $do$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['erasure', 'erasure_node', 'erased_visitor'] LOOP
    EXECUTE format('ALTER TABLE dvpe.%I OWNER TO dvpe_owner', t);
    EXECUTE format('ALTER TABLE dvpe.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY privacy ON dvpe.%I TO dvpe_privacy USING (true)', t);
    EXECUTE format('CREATE POLICY events ON dvpe.%I TO dvpe_events USING (true)', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON dvpe.%I TO dvpe_privacy', t);
  END LOOP;
END
$do$;
GRANT SELECT, UPDATE ON dvpe.erasure TO dvpe_events;
GRANT SELECT ON dvpe.erased_visitor TO dvpe_events;
GRANT UPDATE (visitor, session, sealed) ON dvpe.event TO dvpe_events;
GRANT SELECT ON dvpe.machine TO dvpe_privacy;
CREATE POLICY privacy ON dvpe.machine FOR SELECT TO dvpe_privacy USING (true);
GRANT EXECUTE ON FUNCTION session.organisation(), registry.check_epoch(bigint) TO dvpe_privacy;

-- ---- asked

-- Asks that a viewer be forgotten. By a node whose viewer asks, or by an admin. The same request again changes nothing: its
-- number. Whoever has asked more than 10,000 times without that being done has to wait.
CREATE FUNCTION registry.request_erasure(request uuid, digest bytea, visitors bigint[]) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  owner text;
  made bigint;
  known bytea;
BEGIN
  IF NOT (session.has_role('node') OR session.has_role('admin')) THEN
    RAISE EXCEPTION 'only nodes and admins ask to erase a viewer' USING ERRCODE = '42501';
  END IF;
  IF (request IS NOT NULL AND length(digest) = 32 AND cardinality(visitors) BETWEEN 0 AND 16 AND array_position(visitors, NULL) IS NULL) IS NOT TRUE THEN
    RAISE EXCEPTION 'a request has an id, a digest of 32 bytes and at most 16 numbers' USING ERRCODE = '22023';
  END IF;
  owner := coalesce((SELECT m.organisation FROM dvpe.machine m WHERE m.id = session.machine()), session.organisation());
  -- One after the other, so that who has read up to a number has missed none before it; and no batch of events is on its way
  -- in that has not been looked through for these.
  PERFORM pg_advisory_xact_lock(hashtextextended('dvpe.erasure', 0));
  SELECT e.sequence, e.digest INTO made, known FROM dvpe.erasure e WHERE e.request = request_erasure.request;
  IF FOUND THEN
    IF known <> request_erasure.digest THEN RAISE EXCEPTION 'this is another request' USING ERRCODE = '22023'; END IF;
    RETURN made;
  END IF;
  IF (SELECT count(*) FROM (SELECT FROM dvpe.erasure e WHERE e.done_at IS NULL AND e.organisation = owner LIMIT 10000) o) = 10000 THEN
    RAISE EXCEPTION 'too many requests are open: later' USING ERRCODE = '53400';
  END IF;
  INSERT INTO dvpe.privacy_request (id, kind, pseudonym, requested_by)
    VALUES (request_erasure.request, 'erase', request_erasure.digest, coalesce(session.me(), session.machine()));
  INSERT INTO dvpe.erasure AS e (request, organisation, digest, visitors, next_day)
    VALUES (request_erasure.request, owner, request_erasure.digest, request_erasure.visitors, (clock_timestamp() AT TIME ZONE 'UTC')::date - 32)
    RETURNING e.sequence INTO made;
  INSERT INTO dvpe.erased_visitor AS t (hash, request)
    SELECT DISTINCT sha256(int8send(v)), request_erasure.request FROM unnest(request_erasure.visitors) v WHERE v <> 0 ORDER BY 1
    ON CONFLICT (hash) DO UPDATE SET request = excluded.request, until = 'infinity';
  PERFORM audit.append('privacy.open', request_erasure.request::text, NULL, jsonb_build_object('kind', 'erase'));
  NOTIFY dvpe_erasure;
  RETURN made;
END
$$;

-- As it was, but that the audit log names no viewer; and erasing takes more than a digest.
CREATE OR REPLACE FUNCTION registry.open_privacy_request(kind text, pseudonym bytea) RETURNS uuid
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  made uuid;
BEGIN
  IF NOT (session.has_role('node') OR session.has_role('admin')) THEN
    RAISE EXCEPTION 'only nodes and admins open privacy requests' USING ERRCODE = '42501';
  END IF;
  IF kind = 'erase' THEN
    made := gen_random_uuid();
    PERFORM registry.request_erasure(made, open_privacy_request.pseudonym, '{}');
    RETURN made;
  END IF;
  INSERT INTO dvpe.privacy_request AS r (kind, pseudonym, requested_by)
    VALUES (open_privacy_request.kind, open_privacy_request.pseudonym, coalesce(session.me(), session.machine())) RETURNING r.id INTO made;
  PERFORM audit.append('privacy.open', made::text, NULL, jsonb_build_object('kind', kind));
  RETURN made;
END
$$;

-- ---- by nodes

-- What a node has to do after this one, oldest first.
CREATE FUNCTION registry.erasures(after bigint, most int) RETURNS TABLE (sequence bigint, request uuid, digest bytea)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  mine text;
BEGIN
  IF NOT session.has_role('node') THEN RAISE EXCEPTION 'only a node erases what it keeps' USING ERRCODE = '42501'; END IF;
  SELECT m.organisation INTO mine FROM dvpe.machine m WHERE m.id = session.machine();
  RETURN QUERY SELECT e.sequence, e.request, e.digest FROM dvpe.erasure e
    WHERE e.sequence > after AND e.organisation = mine ORDER BY e.sequence LIMIT least(most, 1000);
END
$$;

-- That this node has done all up to this one. It never goes back: a node that was set back does again what it had done.
CREATE FUNCTION registry.acknowledge_erasures(up_to bigint) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('node') THEN RAISE EXCEPTION 'only a node erases what it keeps' USING ERRCODE = '42501'; END IF;
  IF (up_to BETWEEN 0 AND coalesce((SELECT max(e.sequence) FROM dvpe.erasure e), 0)) IS NOT TRUE THEN
    RAISE EXCEPTION 'there is no such request' USING ERRCODE = '22023';
  END IF;
  INSERT INTO dvpe.erasure_node AS n (node, up_to) VALUES (session.machine(), acknowledge_erasures.up_to)
    ON CONFLICT (node) DO UPDATE SET up_to = greatest(n.up_to, excluded.up_to), at = clock_timestamp();
END
$$;

-- ---- events

-- Of arrays of a batch, those without what is to be forgotten. NULL elements are for who takes them to refuse.
CREATE FUNCTION events.cleansed(INOUT visitors bigint[], ats bigint[], INOUT sessions uuid[], INOUT sealed bytea[])
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  gone bigint[];
  untils bigint[];
BEGIN
  IF NOT EXISTS (SELECT FROM dvpe.erased_visitor) THEN RETURN; END IF;
  SELECT array_agg(v.x), array_agg(CASE WHEN e.until = 'infinity' THEN 9223372036854775807 ELSE (extract(epoch FROM e.until) * 1000000)::bigint END)
    INTO gone, untils
    FROM (SELECT DISTINCT x FROM unnest(cleansed.visitors) x WHERE x <> 0) v JOIN dvpe.erased_visitor e ON e.hash = sha256(int8send(v.x));
  IF gone IS NULL THEN RETURN; END IF;
  SELECT array_agg(CASE WHEN g.x IS NULL THEN u.v ELSE 0 END ORDER BY u.o),
         array_agg(CASE WHEN g.x IS NULL THEN u.s ELSE '00000000-0000-0000-0000-000000000000' END ORDER BY u.o),
         array_agg(CASE WHEN g.x IS NULL THEN u.c END ORDER BY u.o)
    INTO visitors, sessions, sealed
    FROM unnest(cleansed.visitors, cleansed.ats, cleansed.sessions, cleansed.sealed) WITH ORDINALITY u(v, at, s, c, o)
    LEFT JOIN unnest(gone, untils) g(x, until) ON g.x = u.v AND u.at <= g.until;
END
$$;
ALTER FUNCTION events.cleansed(bigint[], bigint[], uuid[], bytea[]) OWNER TO dvpe_events;

-- As in 0016, and cleansed.
CREATE OR REPLACE FUNCTION events.ship(spool uuid, from_event bigint, to_event bigint, places text[], place int[], ids uuid[], days int[],
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
  -- Who asks to erase a viewer waits for batches that do not know of it yet.
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('dvpe.erasure', 0));
  SELECT c.visitors, c.sessions, c.sealed INTO visitors, sessions, sealed FROM events.cleansed(ship.visitors, ship.ats, ship.sessions, ship.sealed) c;
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

-- A late session of the sample is left out.
CREATE FUNCTION events.leave_out_erased() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF EXISTS (SELECT FROM dvpe.erased_visitor e WHERE e.hash = sha256(int8send(NEW.visitor)) AND NEW.day <= (CASE WHEN e.until = 'infinity' THEN date 'infinity' ELSE (e.until AT TIME ZONE 'UTC')::date END)) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END
$$;
ALTER FUNCTION events.leave_out_erased() OWNER TO dvpe_events;
GRANT EXECUTE ON FUNCTION events.leave_out_erased() TO dvpe_owner;  -- who attaches partitions
CREATE TRIGGER erased BEFORE INSERT ON dvpe.sample FOR EACH ROW EXECUTE FUNCTION events.leave_out_erased();

-- A sketch without these hashes. A full one stays full, or it would be taken for an exact one: in the place of each hash comes a
-- random one between its neighbours, nobody's, and not above the largest, which says how many there are. Where there is no room it
-- shrinks by one.
CREATE FUNCTION events.sketch_without(sketch int[], gone int[], most int) RETURNS int[]
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  kept int[] := ARRAY(SELECT x FROM unnest(sketch) x WHERE x <> ALL (gone) ORDER BY x);
  h int;
  low bigint;
  high bigint;
  drawn bigint;
BEGIN
  IF cardinality(sketch) < most THEN RETURN kept; END IF;
  FOR h IN SELECT x FROM unnest(sketch) x WHERE x = ANY (gone) ORDER BY x LOOP
    low := coalesce((SELECT max(x) FROM unnest(kept) x WHERE x < h)::bigint, -2147483649);
    high := coalesce((SELECT min(x) FROM unnest(kept) x WHERE x > h)::bigint, h);
    drawn := low + 1 + floor(random() * (high - low - 1))::bigint;
    IF drawn = h THEN drawn := h - 1; END IF;
    IF drawn > low AND drawn < high AND drawn <> ALL (gone) THEN
      kept := ARRAY(SELECT x FROM unnest(kept || drawn::int) x ORDER BY x);
    END IF;
  END LOOP;
  RETURN kept;
END
$$;
ALTER FUNCTION events.sketch_without(int[], int[], int) OWNER TO dvpe_events;

-- A part of the database's own work on what is asked: one day of events, or, when those are through, all that was made of them.
-- By the coordinator that counts, so that nothing is being counted meanwhile. Whether there is more to do.
CREATE FUNCTION events.erase(epoch bigint) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  last date := (clock_timestamp() AT TIME ZONE 'UTC')::date + 1;
  of_day date;
  ids bigint[];
  gone bigint[];
  hashes int[];
  lost record;
BEGIN
  IF NOT session.has_role('coordinator') THEN RAISE EXCEPTION 'only a coordinator clears away' USING ERRCODE = '42501'; END IF;
  PERFORM registry.check_epoch(epoch);
  LOOP
    SELECT min(e.next_day) INTO of_day FROM dvpe.erasure e WHERE e.cleared_at IS NULL;
    IF of_day IS NULL THEN RETURN false; END IF;
    SELECT array_agg(x.sequence) INTO ids
      FROM (SELECT e.sequence FROM dvpe.erasure e WHERE e.cleared_at IS NULL AND e.next_day = of_day ORDER BY 1 LIMIT 1000 FOR UPDATE) x;
    SELECT coalesce(array_agg(DISTINCT v), '{}') INTO gone FROM dvpe.erasure e CROSS JOIN unnest(e.visitors) v WHERE e.sequence = ANY (ids) AND v <> 0;
    EXIT WHEN of_day > last;
    UPDATE dvpe.erasure e SET next_day = of_day + 1 WHERE e.sequence = ANY (ids);
    IF cardinality(gone) > 0 AND to_regclass('dvpe.event_' || to_char(of_day, 'YYYYMMDD')) IS NOT NULL THEN
      UPDATE dvpe.event v SET visitor = 0, session = '00000000-0000-0000-0000-000000000000', sealed = NULL
        WHERE v.day = of_day AND v.visitor = ANY (gone);
      RETURN true;
    END IF;
  END LOOP;
  IF cardinality(gone) > 0 THEN
    DELETE FROM dvpe.trial_day t WHERE t.visitor = ANY (gone);
    DELETE FROM dvpe.trial_arm t WHERE t.visitor = ANY (gone);
    FOR lost IN
      WITH d AS (DELETE FROM dvpe.sample s WHERE s.visitor = ANY (gone) RETURNING s.day)
      SELECT d.day, pg_catalog.count(*)::int AS n FROM d GROUP BY 1 ORDER BY 1
    LOOP
      UPDATE dvpe.sample_day y SET sessions = y.sessions - lost.n WHERE y.day = lost.day;
    END LOOP;
    SELECT array_agg(DISTINCT (hashint8extended(v, 0) >> 32)::int) INTO hashes FROM unnest(gone) v;
    DELETE FROM dvpe.event_reach r WHERE r.visitors <@ hashes;
    UPDATE dvpe.event_reach r SET visitors = events.sketch_without(r.visitors, hashes, 1024) WHERE r.visitors && hashes;
    DELETE FROM dvpe.event_presence r WHERE r.visitors <@ hashes;
    UPDATE dvpe.event_presence r SET visitors = events.sketch_without(r.visitors, hashes, 512) WHERE r.visitors && hashes;
  END IF;
  UPDATE dvpe.erasure e SET cleared_at = clock_timestamp(), visitors = NULL WHERE e.sequence = ANY (ids);
  RETURN true;
END
$$;
ALTER FUNCTION events.erase(bigint) OWNER TO dvpe_events;
GRANT EXECUTE ON FUNCTION events.erase(bigint) TO dvpe_coordinator;

-- ---- done

-- The nodes that a request waits for: of its organisation, in use, and there when it was made.
CREATE FUNCTION registry.erasure_waits_for(sequence bigint) RETURNS text[]
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT ARRAY(SELECT m.name FROM dvpe.erasure e JOIN dvpe.machine m ON m.organisation = e.organisation
    WHERE e.sequence = erasure_waits_for.sequence AND m.disabled_at IS NULL AND m.created_at <= e.received_at
      AND pg_has_role(m.login, 'dvpe_node', 'MEMBER')
      AND NOT EXISTS (SELECT FROM dvpe.erasure_node n WHERE n.node = m.id AND n.up_to >= e.sequence)
    ORDER BY 1)
$$;

-- Says of requests that they are done: the tables are clear, and every node has said so. How many it were.
CREATE FUNCTION registry.settle_erasures(epoch bigint) RETURNS int
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  each record;
  settled int := 0;
BEGIN
  IF NOT session.has_role('coordinator') THEN RAISE EXCEPTION 'only a coordinator says so' USING ERRCODE = '42501'; END IF;
  PERFORM registry.check_epoch(epoch);
  FOR each IN SELECT e.sequence, e.request, e.digest FROM dvpe.erasure e
              WHERE e.done_at IS NULL AND e.cleared_at IS NOT NULL ORDER BY 1 LIMIT 1000 FOR UPDATE LOOP
    IF cardinality(registry.erasure_waits_for(each.sequence)) > 0 THEN CONTINUE; END IF;
    DELETE FROM dvpe.consent_record c WHERE c.pseudonym = each.digest;
    UPDATE dvpe.erased_visitor t SET until = clock_timestamp() WHERE t.request = each.request;
    UPDATE dvpe.erasure e SET done_at = clock_timestamp() WHERE e.sequence = each.sequence;
    UPDATE dvpe.privacy_request r SET state = 'done', done_at = clock_timestamp() WHERE r.id = each.request AND r.state = 'open';
    PERFORM audit.append('privacy.close', each.request::text, NULL, jsonb_build_object('outcome', 'done', 'by', 'all nodes'));
    settled := settled + 1;
  END LOOP;
  RETURN settled;
END
$$;

-- How requests stand, newest first. By admins.
CREATE FUNCTION registry.erasure_requests(most int)
  RETURNS TABLE (request uuid, requested_at timestamptz, due_at timestamptz, state text, tables_clear_at timestamptz, done_at timestamptz, waits_for text[])
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('admin') THEN RAISE EXCEPTION 'only admins see privacy requests' USING ERRCODE = '42501'; END IF;
  RETURN QUERY SELECT e.request, r.requested_at, r.due_at, r.state, e.cleared_at, e.done_at,
      CASE WHEN e.done_at IS NULL THEN registry.erasure_waits_for(e.sequence) ELSE '{}' END
    FROM dvpe.erasure e JOIN dvpe.privacy_request r ON r.id = e.request ORDER BY e.sequence DESC LIMIT least(most, 1000);
END
$$;

-- 30 days after a request is done nobody is named by it any more. A node's copy that is older must not be brought back.
CREATE FUNCTION registry.retain_erasures() RETURNS jsonb
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  faded int;
  old constant timestamptz := clock_timestamp() - interval '30 days';
BEGIN
  WITH f AS (UPDATE dvpe.erasure e SET digest = NULL WHERE e.done_at < old AND e.digest IS NOT NULL RETURNING e.request)
  UPDATE dvpe.privacy_request r SET pseudonym = decode(repeat('00', 32), 'hex') FROM f WHERE r.id = f.request;
  GET DIAGNOSTICS faded = ROW_COUNT;
  DELETE FROM dvpe.erased_visitor t WHERE t.until < old;
  RETURN jsonb_build_object('erasures', faded);
END
$$;
ALTER FUNCTION registry.request_erasure(uuid, bytea, bigint[]) OWNER TO dvpe_privacy;
ALTER FUNCTION registry.erasures(bigint, int) OWNER TO dvpe_privacy;
ALTER FUNCTION registry.acknowledge_erasures(bigint) OWNER TO dvpe_privacy;
ALTER FUNCTION registry.erasure_waits_for(bigint) OWNER TO dvpe_privacy;
ALTER FUNCTION registry.settle_erasures(bigint) OWNER TO dvpe_privacy;
ALTER FUNCTION registry.erasure_requests(int) OWNER TO dvpe_privacy;
ALTER FUNCTION registry.retain_erasures() OWNER TO dvpe_privacy;
GRANT EXECUTE ON FUNCTION registry.request_erasure(uuid, bytea, bigint[]) TO dvpe_node, dvpe_admin;
GRANT EXECUTE ON FUNCTION registry.erasures(bigint, int), registry.acknowledge_erasures(bigint) TO dvpe_node;
GRANT EXECUTE ON FUNCTION registry.settle_erasures(bigint) TO dvpe_coordinator;
GRANT EXECUTE ON FUNCTION registry.erasure_requests(int) TO dvpe_admin;
GRANT EXECUTE ON FUNCTION registry.retain_erasures() TO dvpe_events;

ALTER FUNCTION events.retain() RENAME TO retain_but_erasures;
CREATE FUNCTION events.retain() RETURNS jsonb
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT events.retain_but_erasures() || registry.retain_erasures() $$;
ALTER FUNCTION events.retain() OWNER TO dvpe_events;
REVOKE EXECUTE ON FUNCTION events.retain_but_erasures() FROM dvpe_registry;
GRANT EXECUTE ON FUNCTION events.retain() TO dvpe_registry;
