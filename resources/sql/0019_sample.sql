-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- The decision sample (docs/reference/audience.md): some of the viewers of the last seven days, coarse, from which audiences
-- are sized and deliveries forecast. Nobody reads it; functions answer in round figures.

DO $do$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'dvpe_audience') THEN
    CREATE ROLE dvpe_audience NOLOGIN;  -- definer: reads the sample and what was counted, writes down who asked and what was said
  END IF;
  ALTER DEFAULT PRIVILEGES FOR ROLE dvpe_audience REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
  ALTER DEFAULT PRIVILEGES FOR ROLE dvpe_audience REVOKE USAGE ON TYPES FROM PUBLIC;
END
$do$;
GRANT USAGE ON SCHEMA dvpe, session, registry, events, analytics TO dvpe_audience;
GRANT EXECUTE ON FUNCTION session.me(), session.organisation(), session.has_role(text) TO dvpe_audience;
GRANT EXECUTE ON FUNCTION registry.owner_of(text, text), analytics.grain_of(timestamptz, timestamptz), analytics.check_channel(text) TO dvpe_audience;

-- ---- tables

-- A session of a viewer who agreed to audience_statistics, without its number and without the viewer's: `id` is a hash that
-- tells a second copy apart, `visitor` the month's number by which viewers are counted and erased. `draw` is a hash of the
-- visitor and the day, the same on all nodes: those below the day's threshold are in the sample, with all their sessions.
-- So a threshold that is lowered leaves a sample as good as one that was low from the beginning.
-- A partition for each day, sample_20260301, made by events.make_sample_day.
CREATE TABLE dvpe.sample (
  day date NOT NULL,  -- UTC
  id uuid NOT NULL,
  channel text COLLATE "C" NOT NULL,
  visitor bigint NOT NULL,
  draw int NOT NULL CHECK (draw >= 0),
  attributes jsonb NOT NULL,   -- key -> coarse value; null: the viewer has none
  breaks smallint[] NOT NULL,  -- that it was there for, in each hour of the day
  PRIMARY KEY (day, id)
) PARTITION BY RANGE (day);

-- A day is settled when it is over and its rare values are gone: only then is it asked.
CREATE TABLE dvpe.sample_day (
  day date PRIMARY KEY,
  threshold bigint NOT NULL CHECK (threshold BETWEEN 1 AND 2147483648),  -- of 2^31
  sessions int NOT NULL DEFAULT 0,
  refused bigint NOT NULL DEFAULT 0,
  settled boolean NOT NULL DEFAULT false
);

-- How often somebody has asked on a day.
CREATE TABLE dvpe.sample_question (
  person uuid NOT NULL REFERENCES dvpe.person,
  day date NOT NULL,
  asked int NOT NULL,
  PRIMARY KEY (person, day)
);

-- What was forecast of a line that was booked, and what came of it: the next forecasts are as wide as these were wrong.
CREATE TABLE dvpe.forecast (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  line text COLLATE "C" NOT NULL,  -- campaign/line
  "from" timestamptz NOT NULL,
  "to" timestamptz NOT NULL,
  available float8 NOT NULL,
  deviation float8 NOT NULL,
  goal float8,
  delivered float8,  -- null: not over yet
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX forecast_open ON dvpe.forecast ("to") WHERE delivered IS NULL;

DO $do$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['sample', 'sample_day', 'sample_question', 'forecast'] LOOP
    EXECUTE format('ALTER TABLE dvpe.%I OWNER TO dvpe_owner', t);
    EXECUTE format('ALTER TABLE dvpe.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
  END LOOP;
END
$do$;
CREATE POLICY events ON dvpe.sample TO dvpe_events USING (true);
CREATE POLICY events ON dvpe.sample_day TO dvpe_events USING (true);
CREATE POLICY events ON dvpe.sample_question TO dvpe_events USING (true);
CREATE POLICY events ON dvpe.forecast TO dvpe_events USING (true);
CREATE POLICY audience ON dvpe.sample FOR SELECT TO dvpe_audience USING (true);
CREATE POLICY audience ON dvpe.sample_day FOR SELECT TO dvpe_audience USING (true);
CREATE POLICY audience ON dvpe.sample_question TO dvpe_audience USING (true);
CREATE POLICY audience ON dvpe.forecast TO dvpe_audience USING (true);
CREATE POLICY audience ON dvpe.event_rollup FOR SELECT TO dvpe_audience USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON dvpe.sample, dvpe.sample_day TO dvpe_events;
GRANT SELECT, DELETE ON dvpe.sample_question, dvpe.forecast TO dvpe_events;
GRANT SELECT ON dvpe.sample, dvpe.sample_day, dvpe.event_rollup TO dvpe_audience;
GRANT SELECT, INSERT, UPDATE ON dvpe.sample_question, dvpe.forecast TO dvpe_audience;

-- ---- days, as those of events

CREATE FUNCTION events.make_sample_day(which date) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  name text := 'sample_' || to_char(which, 'YYYYMMDD');
  today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
BEGIN
  IF (which BETWEEN today - 7 AND today + 1) IS NOT TRUE THEN
    RAISE EXCEPTION 'nothing is sampled of this day' USING ERRCODE = '22023';
  END IF;
  IF to_regclass('dvpe.' || name) IS NOT NULL THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('dvpe.sample', 0));
  IF to_regclass('dvpe.' || name) IS NOT NULL THEN RETURN; END IF;
  EXECUTE format('CREATE TABLE dvpe.%I (LIKE dvpe.sample INCLUDING CONSTRAINTS)', name);
  EXECUTE format('ALTER TABLE dvpe.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
  EXECUTE format('ALTER TABLE dvpe.sample ATTACH PARTITION dvpe.%I FOR VALUES FROM (%L) TO (%L)', name, which, which + 1);
END
$$;
ALTER FUNCTION events.make_sample_day(date) OWNER TO dvpe_owner;

CREATE FUNCTION events.drop_sample_day(which date) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s'
AS $$
BEGIN
  IF (which < (clock_timestamp() AT TIME ZONE 'UTC')::date - 7) IS NOT TRUE THEN
    RAISE EXCEPTION 'this day is still asked' USING ERRCODE = '22023';
  END IF;
  EXECUTE format('DROP TABLE dvpe.%I', 'sample_' || to_char(which, 'YYYYMMDD'));
END
$$;
ALTER FUNCTION events.drop_sample_day(date) OWNER TO dvpe_owner;
GRANT EXECUTE ON FUNCTION events.make_sample_day(date), events.drop_sample_day(date) TO dvpe_events;

-- ---- by nodes

-- A text as attributes; NULL when it is not what attributes are: up to 64 keys with single values.
CREATE FUNCTION events.sample_attributes(said text) RETURNS jsonb
  LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  out jsonb;
BEGIN
  IF (octet_length(said) <= 16384) IS NOT TRUE THEN RETURN NULL; END IF;
  out := said::jsonb;
  IF jsonb_typeof(out) <> 'object' OR (SELECT count(*) FROM jsonb_object_keys(out)) > 64
     OR EXISTS (SELECT FROM jsonb_each(out) a WHERE a.key !~ '^[A-Za-z_][A-Za-z0-9_.]{0,255}(:ads)?$'
                OR jsonb_typeof(a.value) IN ('object', 'array') OR octet_length(a.value::text) > 1024) THEN
    RETURN NULL;
  END IF;
  RETURN out;
EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN
  RETURN NULL;
END
$$;
ALTER FUNCTION events.sample_attributes(text) OWNER TO dvpe_events;

-- Takes sampled sessions, each once: an element of each array, of `breaks` 24, of `attributes` an object as JSON. What may not
-- be taken is counted as refused. A day has at most 200,000: before that its threshold is halved, and who is above it is let
-- go. `threshold`, of 2^31: below which today's draws are wanted from now on.
CREATE FUNCTION events.ship_sample(days int[], ids uuid[], channels text[], visitors bigint[], draws int[], attributes text[], breaks smallint[],
                                   OUT inserted int, OUT refused int, OUT threshold bigint)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET work_mem = '32MB'
AS $$
DECLARE
  n int := cardinality(ids);
  today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
  epoch constant date := '1970-01-01';
  d date;
  got int;
  bad int;
  known int;
BEGIN
  IF NOT session.has_role('node') THEN RAISE EXCEPTION 'only a node ships samples' USING ERRCODE = '42501'; END IF;
  IF (n <= 10000 AND (ARRAY[cardinality(days), cardinality(channels), cardinality(visitors), cardinality(draws),
                            cardinality(attributes)] = array_fill(n, ARRAY[5])) AND cardinality(breaks) = 24 * n) IS NOT TRUE THEN
    RAISE EXCEPTION 'a batch has at most 10,000 sessions, and its arrays are of one length' USING ERRCODE = '22023';
  END IF;
  inserted := 0;
  refused := (SELECT count(*) FROM unnest(days) x WHERE (epoch + x BETWEEN today - 1 AND today) IS NOT TRUE);
  -- In one order: nobody waits for somebody who waits for them.
  FOR d IN SELECT DISTINCT epoch + x FROM unnest(days) x WHERE epoch + x BETWEEN today - 1 AND today UNION SELECT today ORDER BY 1 LOOP
    PERFORM events.make_sample_day(d);
    -- A day begins with the threshold of the day before, or twice that when it was not needed.
    INSERT INTO dvpe.sample_day (day, threshold)
      SELECT d, coalesce((SELECT least(2147483648, y.threshold * CASE WHEN y.sessions < 80000 THEN 2 ELSE 1 END)
                          FROM dvpe.sample_day y WHERE y.day = d - 1), 2147483648) ON CONFLICT DO NOTHING;
    SELECT y.threshold, y.sessions INTO STRICT ship_sample.threshold, known FROM dvpe.sample_day y WHERE y.day = d FOR UPDATE;
    -- Not of a day that is settled: its rare values are gone already.
    CONTINUE WHEN n = 0;
    WITH came AS MATERIALIZED (
      SELECT u.id, u.channel, u.visitor, u.draw, events.sample_attributes(u.said) AS said,
             breaks[24 * u.o - 23 : 24 * u.o] AS breaks
      FROM unnest(days, ids, channels, visitors, draws, attributes) WITH ORDINALITY AS u(day, id, channel, visitor, draw, said, o)
      WHERE epoch + u.day = d),
    good AS MATERIALIZED (
      SELECT c.* FROM came c
      WHERE (c.id IS NOT NULL AND octet_length(c.channel) BETWEEN 1 AND 128 AND c.visitor <> 0 AND c.draw >= 0 AND c.said IS NOT NULL
             AND 0 <= ALL (c.breaks) AND 3600 >= ALL (c.breaks)
             AND NOT (SELECT y.settled FROM dvpe.sample_day y WHERE y.day = d)) IS TRUE),
    taken AS (
      INSERT INTO dvpe.sample (day, id, channel, visitor, draw, attributes, breaks)
        SELECT d, g.id, g.channel, g.visitor, g.draw, g.said, g.breaks FROM good g WHERE g.draw < ship_sample.threshold ORDER BY g.id
        ON CONFLICT DO NOTHING RETURNING 1)
    SELECT (SELECT count(*) FROM taken), (SELECT count(*) FROM came) - (SELECT count(*) FROM good) INTO got, bad;
    inserted := inserted + got;
    refused := refused + bad;
    known := known + got;
    WHILE known > 190000 AND threshold > 1 LOOP
      threshold := threshold / 2;
      DELETE FROM dvpe.sample s WHERE s.day = d AND s.draw >= ship_sample.threshold;
      GET DIAGNOSTICS got = ROW_COUNT;
      known := known - got;
    END LOOP;
    UPDATE dvpe.sample_day y SET threshold = ship_sample.threshold, sessions = known, refused = y.refused + bad WHERE y.day = d;
  END LOOP;
END
$$;

-- A viewer's numbers of months, as the node that knows the viewer makes them, are erased; how many sessions they were.
CREATE FUNCTION events.forget_sample(visitors bigint[]) RETURNS int
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  gone int := 0;
  of_day record;
BEGIN
  IF NOT session.has_role('node') THEN RAISE EXCEPTION 'only a node knows whose these are' USING ERRCODE = '42501'; END IF;
  IF (cardinality(visitors) <= 10000) IS NOT TRUE THEN RAISE EXCEPTION 'at most 10,000 at once' USING ERRCODE = '22023'; END IF;
  FOR of_day IN
    WITH d AS (DELETE FROM dvpe.sample s WHERE s.visitor = ANY (forget_sample.visitors) RETURNING s.day)
    SELECT d.day, pg_catalog.count(*)::int AS n FROM d GROUP BY 1 ORDER BY 1
  LOOP
    UPDATE dvpe.sample_day y SET sessions = y.sessions - of_day.n WHERE y.day = of_day.day;
    gone := gone + of_day.n;
  END LOOP;
  RETURN gone;
END
$$;
ALTER FUNCTION events.ship_sample(int[], uuid[], text[], bigint[], int[], text[], smallint[]) OWNER TO dvpe_events;
ALTER FUNCTION events.forget_sample(bigint[]) OWNER TO dvpe_events;
GRANT EXECUTE ON FUNCTION events.ship_sample(int[], uuid[], text[], bigint[], int[], text[], smallint[]), events.forget_sample(bigint[])
  TO dvpe_node;

-- ---- what goes when its time is over

-- Of a day that is over: values that fewer than 20 of a channel's visitors have are not known of anybody, from then on.
CREATE FUNCTION events.settle_sample(which date) RETURNS int
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET work_mem = '64MB'
AS $$
DECLARE
  gone int;
BEGIN
  IF (which < (clock_timestamp() AT TIME ZONE 'UTC')::date) IS NOT TRUE THEN RAISE EXCEPTION 'this day is not over' USING ERRCODE = '22023'; END IF;
  PERFORM FROM dvpe.sample_day y WHERE y.day = which AND NOT y.settled FOR UPDATE;
  IF NOT FOUND THEN RETURN 0; END IF;
  WITH rare AS MATERIALIZED (
    SELECT s.channel, a.key, a.value FROM dvpe.sample s CROSS JOIN LATERAL jsonb_each(s.attributes) a
    WHERE s.day = which AND a.value <> 'null' GROUP BY 1, 2, 3 HAVING count(DISTINCT s.visitor) < 20),
  theirs AS MATERIALIZED (
    SELECT s.id, array_agg(r.key) AS keys FROM dvpe.sample s JOIN rare r ON r.channel = s.channel AND s.attributes->r.key = r.value
    WHERE s.day = which GROUP BY 1)
  UPDATE dvpe.sample s SET attributes = s.attributes - t.keys FROM theirs t WHERE s.day = which AND s.id = t.id;
  GET DIAGNOSTICS gone = ROW_COUNT;
  UPDATE dvpe.sample_day y SET settled = true WHERE y.day = which;
  RETURN gone;
END
$$;

-- Settles days three hours after their end, when what nodes had of them has come. Samples after 7 days, whole days at once;
-- who asked after as many; what was forecast after a year.
CREATE FUNCTION events.retain_sample() RETURNS jsonb
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
  d date;
  days int := 0;
  forecasts int;
BEGIN
  FOR d IN SELECT y.day FROM dvpe.sample_day y
           WHERE NOT y.settled AND y.day < (clock_timestamp() AT TIME ZONE 'UTC' - interval '3 hours')::date ORDER BY 1 LOOP
    PERFORM events.settle_sample(d);
  END LOOP;
  FOR d IN SELECT to_date(substr(c.relname, 8), 'YYYYMMDD') FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
           WHERE i.inhparent = 'dvpe.sample'::regclass AND substr(c.relname, 8) < to_char(today - 7, 'YYYYMMDD') ORDER BY 1 LOOP
    BEGIN
      PERFORM events.drop_sample_day(d);
      days := days + 1;
    EXCEPTION WHEN lock_not_available THEN EXIT;  -- the next time
    END;
  END LOOP;
  DELETE FROM dvpe.sample_day y WHERE y.day < today - 7;
  DELETE FROM dvpe.sample_question q WHERE q.day < today - 7;
  DELETE FROM dvpe.forecast f WHERE f.id = ANY (ARRAY(SELECT x.id FROM dvpe.forecast x WHERE x.at < clock_timestamp() - interval '1 year' LIMIT 10000));
  GET DIAGNOSTICS forecasts = ROW_COUNT;
  PERFORM events.make_sample_day(today), events.make_sample_day(today + 1);
  RETURN jsonb_build_object('sample_days', days, 'forecasts', forecasts);
END
$$;
ALTER FUNCTION events.settle_sample(date) OWNER TO dvpe_events;
ALTER FUNCTION events.retain_sample() OWNER TO dvpe_events;

-- Whatever was cleared away with events, and this.
ALTER FUNCTION events.retain() RENAME TO retain_but_sample;
CREATE FUNCTION events.retain() RETURNS jsonb
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT events.retain_but_sample() || events.retain_sample() $$;
ALTER FUNCTION events.retain() OWNER TO dvpe_events;
REVOKE EXECUTE ON FUNCTION events.retain_but_sample() FROM dvpe_registry;
GRANT EXECUTE ON FUNCTION events.retain() TO dvpe_registry;

-- ---- conditions

-- A condition's tree (shared/rules/sql.h) as a path expression, which says true, false or unknown of attributes just as the
-- condition language does: two operators of both follow the same three-valued logic. Whatever is not such a tree is refused:
-- texts become literals of the path language, names are checked, and nothing of it is ever SQL.
CREATE FUNCTION events.sample_part(tree jsonb, depth int) RETURNS text
  LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  kind text := CASE WHEN jsonb_typeof(tree) = 'array' THEN coalesce(tree->>0, '') ELSE '' END;
  parts text[];
  key text;
  out text;
  known text;
  part jsonb;
BEGIN
  IF depth > 300 THEN RAISE EXCEPTION 'the condition is too deep' USING ERRCODE = '22023'; END IF;
  IF tree = 'true' THEN RETURN '1 == 1'; END IF;
  IF tree = 'false' THEN RETURN '1 == 2'; END IF;
  IF tree = 'null' THEN RETURN '1 == ""'; END IF;
  IF kind = 'of' AND jsonb_array_length(tree) = 5 AND tree->>1 ~ '^[A-Za-z_][A-Za-z0-9_.]{0,255}(:ads)?$'
     AND jsonb_typeof(tree->2) = 'array' AND jsonb_typeof(tree->3) = 'array' AND jsonb_typeof(tree->4) IN ('boolean', 'null')
     AND jsonb_array_length(tree->2) + jsonb_array_length(tree->3) <= 128
     AND NOT EXISTS (SELECT FROM jsonb_array_elements((tree->2) || (tree->3)) v WHERE jsonb_typeof(v) NOT IN ('boolean', 'number', 'string')
                     OR octet_length(v::text) > 2048) THEN
    key := '$."' || (tree->>1) || '"';
    SELECT string_agg(key || ' == ' || v::text, ' || ') INTO out FROM jsonb_array_elements(tree->2) v;
    SELECT string_agg(key || ' == ' || v::text, ' || ') INTO known FROM jsonb_array_elements(tree->3) v;
    IF tree->4 = 'null' THEN known := concat_ws(' || ', known, key || ' == null'); END IF;
    IF tree->4 = 'true' THEN out := concat_ws(' || ', out, key || ' == null'); END IF;
    IF known IS NOT NULL THEN out := concat_ws(' || ', out, '((' || known || ') && 1 == "")'); END IF;
    -- Of a key that is not there it must be unknown even if nothing makes it true.
    RETURN '(' || coalesce(out, '!(' || key || ' == null || ' || key || ' != null)') || ')';
  END IF;
  IF kind IN ('and', 'or', 'not', 'if') AND jsonb_array_length(tree) BETWEEN 2 AND 5000 THEN
    FOR part IN SELECT p.value FROM jsonb_array_elements(tree) WITH ORDINALITY p(value, n) WHERE p.n > 1 ORDER BY p.n LOOP
      parts := parts || events.sample_part(part, depth + 1);
    END LOOP;
    IF (SELECT sum(octet_length(p)) FROM unnest(parts) p) > 1000000 THEN
      RAISE EXCEPTION 'the condition is too long for the sample' USING ERRCODE = '22023';
    END IF;
    IF kind = 'and' THEN RETURN '(' || array_to_string(parts, ' && ') || ')'; END IF;
    IF kind = 'or' THEN RETURN '(' || array_to_string(parts, ' || ') || ')'; END IF;
    IF kind = 'not' AND cardinality(parts) = 1 THEN RETURN '(!(' || parts[1] || '))'; END IF;
    IF kind = 'if' AND cardinality(parts) = 3 THEN
      -- Unknown of an unknown test, even where both sides are the same.
      RETURN format('((%1$s && %2$s) || (!(%1$s) && %3$s) || ((%1$s) is unknown && 1 == ""))', parts[1], parts[2], parts[3]);
    END IF;
  END IF;
  RAISE EXCEPTION 'this is no condition for the sample' USING ERRCODE = '22023';
END
$$;
CREATE FUNCTION events.sample_path(tree jsonb) RETURNS jsonpath
  LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF (octet_length(tree::text) <= 131072) IS NOT TRUE THEN
    RAISE EXCEPTION 'the condition is too long for the sample' USING ERRCODE = '22023';
  END IF;
  RETURN ('strict ' || events.sample_part(tree, 0))::jsonpath;
END
$$;
ALTER FUNCTION events.sample_part(jsonb, int) OWNER TO dvpe_events;
ALTER FUNCTION events.sample_path(jsonb) OWNER TO dvpe_events;
GRANT EXECUTE ON FUNCTION events.sample_part(jsonb, int), events.sample_path(jsonb) TO dvpe_audience;

-- ---- what is asked

-- Whoever runs the channel, and advertisers, who want to know whom they would reach. Everybody has a number of questions a day:
-- answers are noisy, and noise can be averaged away by asking often enough.
CREATE FUNCTION analytics.ask_sample(channel text, questions int) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  so_far int;
BEGIN
  IF session.me() IS NULL OR NOT (session.has_role('admin') OR session.has_role('advertiser')
      OR ((session.has_role('creator') OR session.has_role('analyst') OR session.has_role('broadcaster') OR session.has_role('ad_operations'))
          AND coalesce(registry.owner_of('channel', ask_sample.channel) = session.organisation(), false))) THEN
    RAISE EXCEPTION 'this is not a channel of yours' USING ERRCODE = '42501';
  END IF;
  INSERT INTO dvpe.sample_question AS q (person, day, asked) VALUES (session.me(), (clock_timestamp() AT TIME ZONE 'UTC')::date, questions)
    ON CONFLICT ON CONSTRAINT sample_question_pkey DO UPDATE SET asked = q.asked + questions RETURNING asked INTO so_far;
  IF so_far > 1000 THEN RAISE EXCEPTION 'enough questions for today' USING ERRCODE = '54000'; END IF;
END
$$;

-- About 0 with standard deviation 1, never beyond 3: the same for the same number, unlike for any other.
CREATE FUNCTION events.sample_noise(cell numeric) RETURNS float8
  LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
  SELECT greatest(-3, least(3, sqrt(-2 * ln(((h & 2147483647) + 1) / 2147483649.0::float8)) * cos(2 * pi() * ((h >> 32) & 2147483647) / 2147483648.0::float8)))
  FROM (SELECT hash_numeric_extended(cell, 20260301) AS h) x
$$;

-- Three digits, at least tens.
CREATE FUNCTION events.sample_round(number float8) RETURNS bigint
  LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
  SELECT (round(greatest(number, 0) / s) * s)::bigint
  FROM (SELECT greatest(10, 10 ^ floor(log(greatest(number, 1)) - 2)) AS s) x
$$;
ALTER FUNCTION analytics.ask_sample(text, int) OWNER TO dvpe_audience;
ALTER FUNCTION events.sample_noise(numeric) OWNER TO dvpe_audience;
ALTER FUNCTION events.sample_round(float8) OWNER TO dvpe_audience;

-- How many of a channel's viewers a day fulfil a condition, on the average of the last settled days, with the limits between
-- which it is in 90 of 100 cases; and how many of those who watch now, as far as they are like those of this hour on other
-- days. Nothing is told of fewer than 20 visitors of the sample.
--
-- The count of each day gets noise that is drawn by the set of visitors itself (the sum of their hashes): the same set has
-- the same noise however it is asked for, and sets that differ by one have noises that have nothing to do with each other. Its
-- deviation is 6 visitors of the sample on a day, times the root of the number of days, so that one who is there on all of
-- them does not show more than one who is there once.
CREATE FUNCTION analytics.audience_size(channel text, condition jsonb)
  RETURNS TABLE (viewers bigint, low bigint, high bigint, now_viewers bigint, now_low bigint, now_high bigint, days int)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET work_mem = '32MB'
AS $$
DECLARE
  path jsonpath := events.sample_path(condition);
  today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
  hour int := extract(hour FROM clock_timestamp() AT TIME ZONE 'UTC');
  people int;
  mean float8;
  deviation float8;
  share float8;
  share_deviation float8;
  here int;
  live float8;
BEGIN
  PERFORM analytics.ask_sample(channel, 1);
  WITH d AS MATERIALIZED (
    SELECT y.day, y.threshold / 2147483648.0::float8 AS rate, count(*) OVER () AS many
    FROM dvpe.sample_day y WHERE y.settled AND y.day BETWEEN today - 7 AND today - 1),
  v AS MATERIALIZED (
    SELECT DISTINCT s.day, s.visitor FROM dvpe.sample s
    WHERE s.day BETWEEN today - 7 AND today - 1 AND s.channel = audience_size.channel AND s.attributes @@ path),
  n AS (
    SELECT d.rate, d.many, count(v.visitor) AS seen,
           6 * sqrt(d.many) * CASE WHEN count(v.visitor) > 0
             THEN events.sample_noise(sum(hashint8extended(v.visitor, d.day - date '1970-01-01')::numeric)) ELSE 0 END AS noise
    FROM d LEFT JOIN v USING (day) GROUP BY d.day, d.rate, d.many)
  SELECT (SELECT count(DISTINCT v.visitor) FROM v), avg(greatest(n.seen + n.noise, 0) / n.rate),
         sqrt(sum((n.seen * (1 - n.rate) + 36 * n.many) / n.rate ^ 2)) / max(n.many), max(n.many)
    INTO people, mean, deviation, days FROM n;
  IF people < 20 OR mean < 20 THEN
    viewers := NULL;
    RETURN NEXT;
    RETURN;
  END IF;
  viewers := events.sample_round(mean);
  low := events.sample_round(mean - 1.645 * deviation);
  high := events.sample_round(mean + 1.645 * deviation);

  -- The share of this hour's breaks, whose viewers are not independent: one counts as one, whatever they have seen.
  SELECT sum(x.breaks) FILTER (WHERE x.good) / nullif(sum(x.breaks), 0), count(*) FILTER (WHERE x.good),
         sqrt(sum(x.breaks ^ 2)) / nullif(sum(x.breaks), 0)
    INTO share, here, share_deviation
    FROM (SELECT s.visitor, coalesce(s.attributes @@ path, false) AS good, sum(s.breaks[hour + 1])::float8 AS breaks
          FROM dvpe.sample s JOIN dvpe.sample_day y USING (day)
          WHERE s.day BETWEEN today - 7 AND today - 1 AND s.channel = audience_size.channel AND y.settled AND s.breaks[hour + 1] > 0
          GROUP BY 1, 2) x;
  SELECT sum(r.value) / 300 INTO live FROM dvpe.event_rollup r
    WHERE r.grouping_name = 'channel' AND r.subject = audience_size.channel AND r.grain = 'minute' AND r.kind = 2
      AND r.bucket >= date_trunc('minute', clock_timestamp()) - interval '6 minutes' AND r.bucket < date_trunc('minute', clock_timestamp()) - interval '1 minute';
  IF here >= 20 AND live * share >= 20 THEN
    share_deviation := greatest(share_deviation * sqrt(share * (1 - share)), 0.02 * share) + 6 * share / here;
    now_viewers := events.sample_round(live * share);
    now_low := events.sample_round(live * greatest(share - 1.645 * share_deviation, 0));
    now_high := events.sample_round(live * least(share + 1.645 * share_deviation, 1));
  END IF;
  RETURN NEXT;
END
$$;

-- The values of a field that begin with a text and how many viewers a day have each, the most frequent first; those of at least 20.
CREATE FUNCTION analytics.audience_values(channel text, field text, prefix text) RETURNS TABLE (value text, viewers bigint)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
BEGIN
  PERFORM analytics.ask_sample(channel, 1);
  RETURN QUERY
    WITH d AS (SELECT y.day, y.threshold / 2147483648.0::float8 AS rate, pg_catalog.count(*) OVER () AS many FROM dvpe.sample_day y
               WHERE y.settled AND y.day BETWEEN today - 7 AND today - 1),
    v AS (SELECT DISTINCT s.day, s.visitor, s.attributes->>audience_values.field AS word FROM dvpe.sample s
          WHERE s.channel = audience_values.channel AND s.day BETWEEN today - 7 AND today - 1
            AND starts_with(s.attributes->>audience_values.field, audience_values.prefix)),
    n AS (SELECT v.word, pg_catalog.sum(1 / d.rate) / max(d.many) AS mean, pg_catalog.count(DISTINCT v.visitor) AS people,
                 6 * events.sample_noise(pg_catalog.sum(hashint8extended(v.visitor, 0)::numeric)) / min(d.rate) AS noise
          FROM v JOIN d USING (day) GROUP BY 1)
    SELECT n.word, events.sample_round(n.mean + n.noise) FROM n WHERE n.people >= 20 AND n.mean + n.noise >= 20
    ORDER BY 2 DESC, 1 LIMIT 64;
END
$$;

-- For each of a channel's rules, {"id", "when"}: of 100 viewers' breaks in how many its condition held, with the noise of its
-- viewers as above. Of rules with few viewers nothing. For who runs the channel.
CREATE FUNCTION analytics.rule_hits(channel text, rules jsonb) RETURNS TABLE (rule text, percent int)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
  each jsonb;
  path jsonpath;
BEGIN
  IF (jsonb_typeof(rules) = 'array' AND jsonb_array_length(rules) <= 100) IS NOT TRUE THEN
    RAISE EXCEPTION 'a list of up to 100 rules' USING ERRCODE = '22023';
  END IF;
  PERFORM analytics.check_channel(channel), analytics.ask_sample(channel, jsonb_array_length(rules));
  FOR each IN SELECT e FROM jsonb_array_elements(rules) e LOOP
    path := events.sample_path(each->'when');
    rule := each->>'id';
    SELECT CASE WHEN count(DISTINCT x.visitor) FILTER (WHERE x.good) >= 20
                THEN greatest(0, least(100, round(100 * (sum(x.breaks) FILTER (WHERE x.good) / nullif(sum(x.breaks), 0)
                  + 6 * events.sample_noise(sum(DISTINCT hashint8extended(x.visitor, 0)::numeric) FILTER (WHERE x.good)) / count(DISTINCT x.visitor))))) END INTO percent
      FROM (SELECT s.visitor, coalesce(s.attributes @@ path, false) AS good, (SELECT sum(b) FROM unnest(s.breaks) b) AS breaks
            FROM dvpe.sample s JOIN dvpe.sample_day y USING (day)
            WHERE s.channel = rule_hits.channel AND y.settled AND s.day BETWEEN today - 7 AND today - 1) x;
    RETURN NEXT;
  END LOOP;
END
$$;
ALTER FUNCTION analytics.audience_size(text, jsonb) OWNER TO dvpe_audience;
ALTER FUNCTION analytics.audience_values(text, text, text) OWNER TO dvpe_audience;
ALTER FUNCTION analytics.rule_hits(text, jsonb) OWNER TO dvpe_audience;
GRANT EXECUTE ON FUNCTION analytics.audience_size(text, jsonb), analytics.audience_values(text, text, text), analytics.rule_hits(text, jsonb)
  TO dvpe_person;

-- ---- forecast

-- How many of so many breaks with a chance each there are, but at most `cap`: the mean of a binomial distribution that is cut off.
CREATE FUNCTION events.capped(breaks float8, chance float8, cap float8) RETURNS float8
  LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  exactly float8;  -- the probability of j
  more float8 := 1;  -- of more than j
  out float8 := 0;
BEGIN
  IF cap IS NULL OR cap >= breaks THEN RETURN breaks * chance; END IF;
  IF chance > 0.999 THEN RETURN least(cap, breaks * chance); END IF;
  IF chance < 1e-6 THEN RETURN breaks * chance; END IF;
  exactly := (1 - chance) ^ breaks;
  FOR j IN 0 .. ceil(cap)::int - 1 LOOP
    more := more - exactly;
    out := out + more;
    exactly := exactly * (breaks - j) / (j + 1) * chance / (1 - chance);
  END LOOP;
  RETURN greatest(out, 0);
END
$$;
ALTER FUNCTION events.capped(float8, float8, float8) OWNER TO dvpe_audience;

-- What lines could deliver in the days [first, last), were each of them to take all that those before it leave. The sample's
-- last week before `as_of` is played again: a sampled session stands for so many to come, by how many sessions the channel had on
-- that day for each that is in the sample (whose viewers did not agree to be in it are taken to be like the others), and by
-- what it is watched on such weekdays against what it was watched on that day. Lines come in the
-- order of their claim, (tier, worth e^(2 share of its viewers' breaks that the goal needs)). That share grows for a line
-- that falls behind, so all is played twice: the second time with its mean over the flight, as the first has shown it. How much of a break those before
-- it have taken is kept for each viewer as the probabilities of so many twelfths, as if lines were drawn independently of each
-- other. `deviation` is of what comes by chance: who is in the sample, who will come, how the days of one weekday differ; and of
-- what others take being a little otherwise, which matters the more the less they leave.
CREATE FUNCTION events.forecast_lines(lines jsonb, first date, last date, as_of date)
  RETURNS TABLE (name text, available float8, deviation float8, goal float8, people int)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET work_mem = '64MB'
AS $$
DECLARE
  most_rows constant int := 15000;
  thin constant int := 3;  -- the first time only so manieth of them, which is enough to see who falls behind
  n int;
  rate float8;
  below bigint;
  spread float8;
  words jsonb[];        -- the attributes that there are, each once
  word_of int[]; channel_of text[]; weekday int[]; visitor_of bigint[]; day_of int[]; weight float8[]; cell_of int[]; total float8[]; by_hour smallint[];
  taken float8[];       -- of each row 13 probabilities: that 0, 1, ... 12 twelfths of a break are taken
  which record;
  found int[]; slots float8[];
  fits boolean[]; plays boolean[];  -- of which words, and hours of the week, the line is
  flight float8[];
  units int; cap float8; asked float8; part float8; chance float8; shown float8; all_shown float8; sum_squares float8; moved float8;
  drawn float8[]; by_cell float8[];
  wished float8; room float8;
  needs float8[];       -- of each line: the share above
  i int; cells int;
BEGIN
  IF (jsonb_typeof(lines) = 'array' AND jsonb_array_length(lines) <= 1000 AND last > first AND last - first <= 92) IS NOT TRUE THEN
    RAISE EXCEPTION 'a list of up to 1,000 lines, and at most 92 days' USING ERRCODE = '22023';
  END IF;
  SELECT min(y.threshold) INTO below FROM dvpe.sample_day y WHERE y.settled AND y.day BETWEEN as_of - 7 AND as_of - 1;
  IF below IS NULL THEN RETURN; END IF;
  SELECT count(*) INTO n FROM dvpe.sample s WHERE s.day BETWEEN as_of - 7 AND as_of - 1 AND s.draw < below;
  IF n > most_rows THEN below := greatest(below * most_rows / n, 1); END IF;
  rate := below / 2147483648.0::float8;

  -- What a channel is watched on a weekday, from up to eight weeks; on which of the sample's days it was watched how much.
  WITH watched AS MATERIALIZED (
    SELECT r.subject AS channel, (r.bucket AT TIME ZONE 'UTC')::date AS day, r.value FROM dvpe.event_rollup r
    WHERE r.grouping_name = 'channel' AND r.grain = 'day' AND r.kind = 2 AND r.value > 0
      AND r.bucket >= (as_of - 56)::timestamp AT TIME ZONE 'UTC' AND r.bucket < as_of::timestamp AT TIME ZONE 'UTC'),
  usual AS MATERIALIZED (
    SELECT w.channel, extract(isodow FROM w.day)::int AS weekday, avg(w.value) AS value, count(*) AS many, var_samp(w.value) AS variance
    FROM watched w GROUP BY 1, 2),
  noise AS (SELECT sqrt(sum((u.many - 1) * u.variance / u.value ^ 2) / nullif(sum(u.many - 1), 0) * (1 + 1 / avg(u.many))) AS spread FROM usual u WHERE u.many > 1),
  kept AS MATERIALIZED (SELECT y.day FROM dvpe.sample_day y WHERE y.settled AND y.day BETWEEN as_of - 7 AND as_of - 1),
  coming AS (  -- a day to come is like the sample's day of its weekday, or like all of them
    SELECT c.day, k.day AS like_day, 1.0::float8 / count(*) OVER (PARTITION BY c.day) AS part
    FROM (SELECT first + g AS day FROM generate_series(0, last - first - 1) g) c JOIN kept k
      ON extract(isodow FROM k.day) = extract(isodow FROM c.day)
      OR NOT EXISTS (SELECT FROM kept o WHERE extract(isodow FROM o.day) = extract(isodow FROM c.day))),
  stands AS MATERIALIZED (
    SELECT ch.channel, c.like_day AS day, sum(c.part * coalesce(u.value / w.value, 1)) AS times
    FROM coming c CROSS JOIN (SELECT DISTINCT s.channel FROM dvpe.sample s WHERE s.day BETWEEN as_of - 7 AND as_of - 1) ch
    LEFT JOIN usual u ON u.channel = ch.channel AND u.weekday = extract(isodow FROM c.day)::int
    LEFT JOIN watched w ON w.channel = ch.channel AND w.day = c.like_day
    GROUP BY 1, 2),
  sampled AS (
    SELECT s.channel, s.day, count(*) AS sessions FROM dvpe.sample s WHERE s.day BETWEEN as_of - 7 AND as_of - 1 AND s.draw < below GROUP BY 1, 2),
  counted AS MATERIALIZED (
    SELECT m.channel, m.day, CASE WHEN m.sessions >= 20 THEN greatest(0.5, least(20, e.count * rate / m.sessions)) END AS each
    FROM sampled m JOIN dvpe.event_rollup e ON e.grouping_name = 'channel' AND e.subject = m.channel AND e.grain = 'day' AND e.kind = 1
      AND e.bucket = m.day::timestamp AT TIME ZONE 'UTC'),
  r AS MATERIALIZED (
    SELECT s.day, s.channel, s.visitor, s.attributes, s.breaks, t.times * coalesce(n.each, 1) / rate AS times,
           dense_rank() OVER (ORDER BY s.attributes) AS word, dense_rank() OVER (ORDER BY s.channel, s.day) AS cell
    FROM dvpe.sample s JOIN stands t ON t.channel = s.channel AND t.day = s.day LEFT JOIN counted n ON n.channel = s.channel AND n.day = s.day
    WHERE s.day BETWEEN as_of - 7 AND as_of - 1 AND s.draw < below AND 0 < ANY (s.breaks))
  SELECT (SELECT array_agg(w.attributes ORDER BY w.word) FROM (SELECT DISTINCT r.word, r.attributes FROM r) w),
         array_agg(r.word ORDER BY r.cell, r.visitor), array_agg(r.channel ORDER BY r.cell, r.visitor),
         array_agg(extract(isodow FROM r.day)::int ORDER BY r.cell, r.visitor), array_agg(r.visitor ORDER BY r.cell, r.visitor),
         array_agg(r.day - as_of + 8 ORDER BY r.cell, r.visitor),
         array_agg(r.times ORDER BY r.cell, r.visitor), array_agg(r.cell ORDER BY r.cell, r.visitor),
         array_agg((SELECT sum(b) FROM unnest(r.breaks) b)::float8 ORDER BY r.cell, r.visitor), max(r.cell),
         (SELECT array_agg(h.b ORDER BY h.cell, h.visitor, h.o) FROM (SELECT r2.cell, r2.visitor, u.b, u.o FROM r r2 CROSS JOIN LATERAL unnest(r2.breaks) WITH ORDINALITY u(b, o)) h),
         coalesce((SELECT x.spread FROM noise x), 0.3)
    INTO words, word_of, channel_of, weekday, visitor_of, day_of, weight, cell_of, total, cells, by_hour, spread FROM r;
  n := coalesce(cardinality(word_of), 0);
  IF n = 0 THEN RETURN; END IF;
  needs := array_fill(NULL::float8, ARRAY[jsonb_array_length(lines) + 1]);
  FOR turn IN 1 .. 2 LOOP
  SELECT array_agg(CASE WHEN g % 13 = 0 THEN 1.0::float8 ELSE 0 END ORDER BY g) INTO taken FROM generate_series(0, 13 * n - 1) g;
  FOR which IN
    WITH l AS MATERIALIZED (
      SELECT o, e->>'line' AS line, events.sample_path(e->'when') AS path, e->'channels' AS channels, e->'hours' AS hours,
             coalesce((e->>'tier')::int, 1) AS tier, coalesce((e->>'worth')::float8, 0) AS worth, (e->>'goal')::float8 AS goal,
             least(greatest(ceil(12 * (e->>'units')::float8 / coalesce((e->>'break')::float8, 60)), 1), 13)::int AS units, (e->>'cap')::float8 AS cap, coalesce((e->>'share')::float8, 1) AS share,
             coalesce((e->>'from')::date, first) AS since, coalesce((e->>'to')::date, last) AS until
      FROM jsonb_array_elements(lines) WITH ORDINALITY x(e, o)),
    m AS MATERIALIZED (
      SELECT l.o, w.n AS word FROM l CROSS JOIN unnest(words) WITH ORDINALITY w(attributes, n) WHERE w.attributes @@ l.path),
    -- What its viewers see in all, times the part of that which is in its hours and days.
    clock AS MATERIALIZED (
      SELECT (u.weekday - 1) * 24 + h AS hour, sum(by_hour[(u.o - 1) * 24 + h + 1] * u.times)::float8 AS breaks
      FROM unnest(weekday, weight) WITH ORDINALITY u(weekday, times, o) CROSS JOIN generate_series(0, 23) h GROUP BY 1),
    open AS (
      SELECT l.o, sum(c.breaks * f.part) FILTER (WHERE l.hours IS NULL OR l.hours = 'null' OR l.hours @> to_jsonb(c.hour)) / nullif(sum(c.breaks), 0) AS part
      FROM l CROSS JOIN clock c CROSS JOIN LATERAL (
        SELECT coalesce(avg((d.day >= l.since AND d.day < l.until)::int), 1)::float8 AS part
        FROM (SELECT first + x AS day FROM generate_series(0, last - first - 1) x) d WHERE extract(isodow FROM d.day) = c.hour / 24 + 1) f
      GROUP BY 1),
    raw AS (
      SELECT m.o, sum(z.breaks) AS breaks
      FROM m JOIN l USING (o) JOIN (SELECT u.word, u.channel, sum(u.times * u.breaks) AS breaks
                       FROM unnest(word_of, channel_of, weight, total) u(word, channel, times, breaks) GROUP BY 1, 2) z ON z.word = m.word
      WHERE l.channels IS NULL OR l.channels = 'null' OR l.channels ? z.channel
      GROUP BY 1)
    SELECT l.*, raw.breaks * open.part AS all_breaks
    FROM l LEFT JOIN raw USING (o) LEFT JOIN open USING (o)
    ORDER BY l.tier, l.worth * exp(2 * CASE WHEN l.goal > 0 THEN coalesce(needs[l.o], least(l.goal / nullif(raw.breaks * open.part, 0), 1.5)) ELSE 0 END) DESC, l.o
  LOOP
    name := which.line;
    goal := which.goal;
    available := 0;
    deviation := 0;
    people := 0;
    units := which.units;
    cap := which.cap;
    -- What part of the days that a sample's day stands for is in the line's flight.
    SELECT array_agg(coalesce(f.part, 0) ORDER BY g) INTO flight FROM generate_series(1, 7) g LEFT JOIN (
      SELECT k.day - as_of + 8 AS d, avg((c.day >= which.since AND c.day < which.until)::int)::float8 AS part
      FROM dvpe.sample_day k JOIN (SELECT first + x AS day FROM generate_series(0, last - first - 1) x) c
        ON extract(isodow FROM k.day) = extract(isodow FROM c.day)
      WHERE k.settled AND k.day BETWEEN as_of - 7 AND as_of - 1 GROUP BY 1) f ON f.d = g;
    SELECT array_agg(coalesce(w.attributes @@ which.path, false) ORDER BY w.n) INTO fits FROM unnest(words) WITH ORDINALITY w(attributes, n);
    SELECT CASE WHEN jsonb_typeof(which.hours) = 'array' THEN array_agg(which.hours @> to_jsonb(h) ORDER BY h) END INTO plays FROM generate_series(0, 167) h;
    SELECT array_agg(x.row), array_agg(x.slots), count(DISTINCT x.visitor) INTO found, slots, people FROM (
      SELECT u.o::int AS row, u.visitor,
             CASE WHEN plays IS NULL THEN u.total
                  ELSE (SELECT coalesce(sum(by_hour[(u.o - 1) * 24 + h]), 0)::float8 FROM generate_series(1, 24) h WHERE plays[(u.weekday - 1) * 24 + h]) END AS slots
      FROM unnest(word_of, channel_of, weekday, total, visitor_of) WITH ORDINALITY u(word, channel, weekday, total, visitor, o)
      WHERE fits[u.word] AND (which.channels IS NULL OR which.channels = 'null' OR which.channels ? u.channel)
        AND (turn = 2 OR u.o % thin = 0)) x
      WHERE x.slots > 0;
    IF found IS NULL THEN
      IF turn = 2 THEN RETURN NEXT; END IF;
      CONTINUE;
    END IF;
    drawn := array_fill(0.0::float8, ARRAY[cardinality(found)]);
    by_cell := array_fill(0.0::float8, ARRAY[cells]);
    sum_squares := 0;
    wished := 0;
    room := 0;
    FOR k IN 1 .. cardinality(found) LOOP
      i := found[k];
      part := flight[day_of[i]];
      CONTINUE WHEN part = 0;
      chance := 0;
      FOR s IN 13 * i - 12 .. 13 * i - units LOOP chance := chance + taken[s]; END LOOP;
      wished := wished + slots[k] * weight[i] * part;
      room := room + slots[k] * weight[i] * part * chance;
      CONTINUE WHEN chance < 1e-6;
      shown := events.capped(slots[k], chance * which.share, cap);
      drawn[k] := part * shown / (chance * total[i]);
      all_shown := shown * weight[i] * part;
      available := available + all_shown;
      by_cell[cell_of[i]] := by_cell[cell_of[i]] + all_shown;
      sum_squares := sum_squares + all_shown * all_shown + shown * all_shown;
    END LOOP;
    IF wished > 0 THEN
      SELECT sqrt(sum_squares + spread ^ 2 * sum(c * c) + (available * (0.05 - 0.15 * ln(greatest(room / nullif(wished, 0), 1e-6))) + 0.002 * wished * which.share) ^ 2)
        INTO deviation FROM unnest(by_cell) c;
    END IF;
    asked := least(1, coalesce(goal / nullif(available * CASE WHEN turn = 1 THEN thin ELSE 1 END, 0), 1));
    FOR k IN 1 .. cardinality(found) LOOP
      i := found[k];
      chance := least(asked * drawn[k], 1);  -- of those breaks in which there is room
      CONTINUE WHEN chance = 0;
      FOR s IN REVERSE 13 * i - units .. 13 * i - 12 LOOP
        moved := chance * taken[s];
        taken[s] := taken[s] - moved;
        taken[s + units] := taken[s + units] + moved;
      END LOOP;
    END LOOP;
    IF turn = 2 THEN
      RETURN NEXT;
    ELSIF goal > 0 THEN
      part := least(available * thin / goal, 1);  -- of what it needs it gets so much
      SELECT avg(least(goal / nullif(which.all_breaks, 0) * (1 - part * t) / (1 - t), 1.5)) INTO chance FROM unnest('{0.05,0.15,0.25,0.35,0.45,0.55,0.65,0.75,0.85,0.95}'::float8[]) t;
      needs[which.o] := coalesce(chance, 0);
    END IF;
  END LOOP;
  END LOOP;
END
$$;

-- By how much forecasts that are over were wrong: `factor` is what the deviation has to be multiplied by for 90 of 100 to have
-- been right (split conformal prediction, Lei et al., JASA 2018, with the deviation as the scale). Of lines whose goal was thought
-- reachable only that counts what they fell short of it: `short`, a share of the goal, at least the hundredth that pacing may
-- miss. Until there are 30 of a kind it is assumed. What was right on the average of some weeks is not taken out: from week to week
-- that differs by more than it is.
CREATE FUNCTION events.forecast_experience(OUT factor float8, OUT short float8, OUT many int)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  WITH f AS MATERIALIZED (
    SELECT x.available, x.deviation, x.delivered, x.goal, x.goal <= x.available IS TRUE AS reachable FROM dvpe.forecast x
    WHERE x.delivered IS NOT NULL AND x.available > 0 AND x.deviation > 0
    ORDER BY x."to" DESC, x.id DESC LIMIT 2000),
  -- The smallest that 0.9 (n + 1) of n do not exceed.
  q AS (
    SELECT CASE WHEN count(*) >= 30 THEN (array_agg(x.wrong ORDER BY x.wrong))[least(ceil(0.9 * (count(*) + 1)), count(*))::int] ELSE 2.5 END AS factor
    FROM (SELECT abs(f.delivered - f.available) / f.deviation AS wrong FROM f WHERE NOT f.reachable) x),
  g AS (
    SELECT CASE WHEN count(*) >= 30 THEN greatest((array_agg(x.wrong ORDER BY x.wrong))[least(ceil(0.9 * (count(*) + 1)), count(*))::int], 0.01) ELSE 0.05 END AS short
    FROM (SELECT CASE WHEN f.delivered >= f.available - q.factor * f.deviation THEN 0 ELSE greatest(1 - f.delivered / f.goal, 0) END AS wrong
          FROM f CROSS JOIN q WHERE f.reachable) x)
  SELECT q.factor, g.short, (SELECT count(*)::int FROM f) FROM q CROSS JOIN g
$$;

-- Delivery of lines to be expected in whole days, with the limits between which it is in 90 of 100 cases. lines: all that are
-- booked for the channels and time, as docs/reference/audience.md describes; others cannot be known to compete. remember: what is
-- said of booked lines is kept and compared with what comes.
CREATE FUNCTION analytics.forecast(lines jsonb, "from" timestamptz, "to" timestamptz, remember boolean DEFAULT false)
  RETURNS TABLE (line text, expected bigint, low bigint, high bigint)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  known record;
  l record;
  middle float8;
BEGIN
  IF session.me() IS NULL OR NOT (session.has_role('admin') OR session.has_role('ad_operations')) THEN
    RAISE EXCEPTION 'this is for who knows all that is booked' USING ERRCODE = '42501';
  END IF;
  IF (analytics.grain_of("from", "to") = 'day') IS NOT TRUE THEN
    RAISE EXCEPTION 'from one whole day to a later one, UTC' USING ERRCODE = '22023';
  END IF;
  PERFORM events.compare_forecasts();
  SELECT * INTO known FROM events.forecast_experience();
  FOR l IN SELECT * FROM events.forecast_lines(lines, ("from" AT TIME ZONE 'UTC')::date, ("to" AT TIME ZONE 'UTC')::date,
                                               (clock_timestamp() AT TIME ZONE 'UTC')::date) LOOP
    IF remember AND l.people >= 20 THEN
      INSERT INTO dvpe.forecast (line, "from", "to", available, deviation, goal)
        VALUES (l.name, forecast."from", forecast."to", l.available, l.deviation, l.goal);
    END IF;
    line := l.name;
    expected := NULL;
    low := NULL;
    high := NULL;
    IF l.people >= 20 THEN
      SELECT * INTO expected, low, high FROM events.forecast_limits(l.available, l.deviation, l.goal, known.factor, known.short);
    END IF;
    RETURN NEXT;
  END LOOP;
END
$$;

-- A line's goal is never exceeded.
CREATE FUNCTION events.forecast_limits(available float8, deviation float8, goal float8, factor float8, short float8,
                                       OUT expected bigint, OUT low bigint, OUT high bigint)
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT least(events.sample_round(available), goal::bigint),
         floor(least((1 - short) * goal, greatest(available - factor * deviation, 0)))::bigint,
         ceil(least(goal, available + factor * deviation))::bigint
$$;

-- What became of forecasts whose days are over, from what was counted.
CREATE FUNCTION events.compare_forecasts() RETURNS int
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  compared int;
BEGIN
  UPDATE dvpe.forecast f SET delivered = coalesce((
      SELECT sum(r.count) FROM dvpe.event_rollup r
      WHERE r.grouping_name = 'campaign_creative' AND r.subject = split_part(f.line, '/', 1) AND r.keys[2] = split_part(f.line, '/', 2)
        AND r.grain = 'day' AND r.kind = 21 AND r.bucket >= f."from" AND r.bucket < f."to"), 0)
    WHERE f.delivered IS NULL AND f."to" < clock_timestamp() - interval '1 hour';
  GET DIAGNOSTICS compared = ROW_COUNT;
  RETURN compared;
END
$$;
ALTER FUNCTION events.forecast_lines(jsonb, date, date, date) OWNER TO dvpe_audience;
ALTER FUNCTION events.forecast_experience() OWNER TO dvpe_audience;
ALTER FUNCTION events.forecast_limits(float8, float8, float8, float8, float8) OWNER TO dvpe_audience;
ALTER FUNCTION events.compare_forecasts() OWNER TO dvpe_audience;
ALTER FUNCTION analytics.forecast(jsonb, timestamptz, timestamptz, boolean) OWNER TO dvpe_audience;
GRANT EXECUTE ON FUNCTION analytics.forecast(jsonb, timestamptz, timestamptz, boolean) TO dvpe_person;
