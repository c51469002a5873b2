-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- What is told of what happened (docs/reference/analytics.md): every figure that anybody sees is made by a function here or
-- in 0016. Times of the day are a matter of asking: what is counted is counted in UTC.

-- ---- what is counted in addition

-- Who watched a channel in a minute: the 512 smallest of the hashes of its visitors, ascending, as in event_reach. Below 512
-- they are all of them. The same hash stands for the same visitor in every minute, so that who has left can be seen.
CREATE TABLE dvpe.event_presence (
  channel text COLLATE "C" NOT NULL,
  minute timestamptz NOT NULL,
  visitors int[] NOT NULL CHECK (cardinality(visitors) BETWEEN 1 AND 512),
  PRIMARY KEY (channel, minute)
) WITH (fillfactor = 70);
CREATE INDEX event_presence_old ON dvpe.event_presence (minute);
ALTER TABLE dvpe.event_presence OWNER TO dvpe_owner;
ALTER TABLE dvpe.event_presence ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY events ON dvpe.event_presence TO dvpe_events USING (true);
CREATE POLICY analytics ON dvpe.event_presence FOR SELECT TO dvpe_analytics USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON dvpe.event_presence TO dvpe_events;
GRANT SELECT ON dvpe.event_presence TO dvpe_analytics;

-- As in 0016, and with two things more: presence by minute, and kind 343, which no node can ship: the latency that events of
-- kind 43 carry in their text, as a value that can be summed.
CREATE OR REPLACE FUNCTION events.roll(most_batches int, epoch bigint) RETURNS int
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
    FROM dvpe.event v WHERE v.day BETWEEN first AND last AND v.batch = ANY (taken) GROUP BY 1, 2, 3
    UNION ALL
    SELECT v.place, 343::smallint, date_bin('1 minute', v.at, '2000-01-01 00:00:00+00') AS bucket, sum(v.weight::float8),
           sum(v.text::int * v.weight::float8)
    FROM dvpe.event v
    WHERE v.day BETWEEN first AND last AND v.batch = ANY (taken) AND v.kind = 43 AND v.text ~ '^[0-9]{1,7}$' GROUP BY 1, 2, 3),
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

  -- A heartbeat tells of the seconds before it, too: every minute that they touch. Nobody is believed more than two minutes.
  WITH beats AS MATERIALIZED (
    SELECT DISTINCT x.place, date_bin('1 minute', x.at - part * least(greatest(x.value, 0), 120) * interval '1 second',
                                      '2000-01-01 00:00:00+00') AS minute,
           (hashint8extended(x.visitor, 0) >> 32)::int AS hash
    FROM dvpe.event x CROSS JOIN unnest('{0,0.5,1}'::float8[]) part
    WHERE x.day BETWEEN first AND last AND x.batch = ANY (taken) AND x.kind = 2 AND x.visitor <> 0)
  INSERT INTO dvpe.event_presence AS r (channel, minute, visitors)
    SELECT p.channel, b.minute, (array_agg(DISTINCT b.hash ORDER BY b.hash))[1:512]
    FROM beats b JOIN dvpe.event_place p ON p.id = b.place WHERE p.channel <> '' GROUP BY 1, 2
    ON CONFLICT ON CONSTRAINT event_presence_pkey DO UPDATE SET visitors = (events.reach_merged(r.visitors, excluded.visitors))[1:512];

  UPDATE dvpe.event_batch b SET rolled = true WHERE b.id = ANY (taken);
  RETURN cardinality(taken);
END
$$;

-- Who was there by minute goes after 30 days, as events do.
CREATE FUNCTION events.retain_presence() RETURNS jsonb
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  gone int;
BEGIN
  DELETE FROM dvpe.event_presence r WHERE r.ctid = ANY (ARRAY(
    SELECT x.ctid FROM dvpe.event_presence x WHERE x.minute < date_bin('1 day', clock_timestamp(), '2000-01-01 00:00:00+00') - interval '30 days'
    LIMIT 10000));
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN jsonb_build_object('event_presence', gone);
END
$$;
ALTER FUNCTION events.retain_presence() OWNER TO dvpe_events;
GRANT EXECUTE ON FUNCTION events.retain_presence() TO dvpe_registry;

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
    FROM jsonb_each(session.retain() || registry.retain_library() || events.retain() || events.retain_presence()
                    || jsonb_build_object('releases', cardinality(old))) x
    WHERE x.value <> '0';
  IF removed - 'proofs' <> '{}' THEN PERFORM audit.append('retention', 'database', removed, NULL); END IF;
  RETURN removed;
END
$$;

-- ---- who may ask, and for what

CREATE FUNCTION analytics.check_campaign(campaign text) RETURNS void
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF session.me() IS NULL OR NOT (session.has_role('admin') OR session.has_role('ad_operations')
      OR ((session.has_role('advertiser') OR session.has_role('analyst'))
          AND coalesce(registry.owner_of('campaign', check_campaign.campaign) = session.organisation(), false))) THEN
    RAISE EXCEPTION 'this is not a campaign of yours' USING ERRCODE = '42501';
  END IF;
END
$$;

-- Says which grain adds up to [from, to) in buckets of minute, hour or day of a time zone, and refuses what none does. Hours
-- of UTC add up to those of a zone whose clock differs by whole hours, at all times in between; elsewhere minutes do.
CREATE FUNCTION analytics.grain_for("from" timestamptz, "to" timestamptz, step text, zone text) RETURNS text
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  grain text := analytics.grain_of("from", "to");
BEGIN
  IF NOT EXISTS (SELECT FROM pg_timezone_names n WHERE n.name = zone) THEN
    RAISE EXCEPTION 'there is no such time zone' USING ERRCODE = '22023';
  END IF;
  IF (step IN ('minute', 'hour', 'day')) IS NOT TRUE THEN
    RAISE EXCEPTION 'buckets are minute, hour or day' USING ERRCODE = '22023';
  END IF;
  IF grain IS NULL OR ("to" - "from" <= CASE step WHEN 'minute' THEN interval '31 days' ELSE interval '400 days' END) IS NOT TRUE THEN
    RAISE EXCEPTION 'from one whole minute to a later one, at most 400 days, 31 by minutes' USING ERRCODE = '22023';
  END IF;
  IF step = 'minute' OR grain = 'minute' OR EXISTS (
      SELECT FROM generate_series("from", "to" + interval '1 day', '1 day') t
      WHERE extract(epoch FROM (t AT TIME ZONE zone) - (t AT TIME ZONE 'UTC'))::bigint % 3600 <> 0) THEN
    RETURN 'minute';
  END IF;
  RETURN 'hour';
END
$$;

-- The buckets of [from, to): where each begins by the zone's clock, and how many of its seconds are asked for. A day has 23
-- hours when clocks go forward and 25 when they go back.
CREATE FUNCTION analytics.buckets("from" timestamptz, "to" timestamptz, step text, zone text)
  RETURNS TABLE (bucket timestamptz, seconds float8)
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT b.bucket, extract(epoch FROM lead(b.bucket, 1, "to") OVER (ORDER BY b.bucket) - greatest(b.bucket, "from"))::float8
  FROM (SELECT DISTINCT date_trunc(step, t, zone) AS bucket
        FROM (SELECT generate_series("from", "to", CASE step WHEN 'minute' THEN interval '1 minute' ELSE interval '15 minutes' END) AS t
              UNION ALL SELECT "to" - interval '1 minute') x WHERE t < "to") b
$$;

-- A group's sums of these kinds in each bucket. Not for people: who asks has been checked.
CREATE FUNCTION analytics.sums(grouping_name text, subject text, kinds int[], "from" timestamptz, "to" timestamptz, step text, zone text)
  RETURNS TABLE (bucket timestamptz, kind smallint, count float8, value float8)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  kept text := analytics.grain_for("from", "to", step, zone);
BEGIN
  RETURN QUERY SELECT date_trunc(step, r.bucket, zone), r.kind, sum(r.count), sum(r.value)
    FROM dvpe.event_rollup r
    WHERE r.grouping_name = sums.grouping_name AND r.subject = sums.subject AND r.grain = kept AND r.bucket >= "from" AND r.bucket < "to"
      AND r.kind = ANY (kinds)
    GROUP BY 1, 2;
END
$$;

-- ---- a channel: what concerns all its viewers together is exact

-- How many watched: on the average of each bucket, and in its fullest minute (NULL where minutes are gone, after 90 days).
CREATE FUNCTION analytics.viewers(channel text, "from" timestamptz, "to" timestamptz, step text, zone text)
  RETURNS TABLE (bucket timestamptz, viewers float8, peak float8)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM analytics.check_channel(channel);
  PERFORM analytics.grain_for("from", "to", step, zone);
  RETURN QUERY
    WITH fullest AS (
      SELECT date_trunc(step, r.bucket, zone) AS began, max(r.value) / 60 AS most
      FROM dvpe.event_rollup r
      WHERE r.grouping_name = 'channel' AND r.subject = viewers.channel AND r.grain = 'minute' AND r.kind = 2
        AND r.bucket >= "from" AND r.bucket < "to" GROUP BY 1)
    SELECT b.bucket, coalesce(s.value, 0) / b.seconds,
           CASE WHEN s.value IS NULL THEN 0 ELSE f.most END
    FROM analytics.buckets("from", "to", step, zone) b
    LEFT JOIN analytics.sums('channel', viewers.channel, '{2}', "from", "to", step, zone) s ON s.bucket = b.bucket
    LEFT JOIN fullest f ON f.began = b.bucket ORDER BY 1;
END
$$;

-- How many came and went, how many hours were watched, how long those who went had stayed, and what they said.
CREATE FUNCTION analytics.engagement(channel text, "from" timestamptz, "to" timestamptz, step text, zone text)
  RETURNS TABLE (bucket timestamptz, started float8, ended float8, watched_hours float8, minutes_per_session float8, feedback float8)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM analytics.check_channel(channel);
  PERFORM analytics.grain_for("from", "to", step, zone);
  RETURN QUERY
    SELECT b.bucket, coalesce(sum(s.count) FILTER (WHERE s.kind = 1), 0), coalesce(sum(s.count) FILTER (WHERE s.kind = 3), 0),
           coalesce(sum(s.value) FILTER (WHERE s.kind = 2), 0) / 3600,
           sum(s.value) FILTER (WHERE s.kind = 3) / nullif(sum(s.count) FILTER (WHERE s.kind = 3), 0) / 60,
           coalesce(sum(s.count) FILTER (WHERE s.kind = 60), 0)
    FROM analytics.buckets("from", "to", step, zone) b
    LEFT JOIN analytics.sums('channel', engagement.channel, '{1,2,3,60}', "from", "to", step, zone) s ON s.bucket = b.bucket
    GROUP BY 1 ORDER BY 1;
END
$$;

-- How well it played: milliseconds until the first picture, stalls and their share of the time, bits per second, how far
-- behind live, errors. Means; NULL where nothing was told.
CREATE FUNCTION analytics.qoe(channel text, "from" timestamptz, "to" timestamptz, step text, zone text)
  RETURNS TABLE (bucket timestamptz, startups float8, startup_ms float8, stalls float8, stalled_seconds float8, stall_ratio float8,
                 bitrate float8, latency_ms float8, errors float8)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM analytics.check_channel(channel);
  PERFORM analytics.grain_for("from", "to", step, zone);
  RETURN QUERY
    WITH s AS (
      SELECT t.bucket AS began, t.kind AS what, t.count AS n, t.value AS total
      FROM analytics.sums('channel', qoe.channel, '{2,40,41,42,43,343}', "from", "to", step, zone) t),
    w AS (
      SELECT b.bucket AS began,
             coalesce(sum(s.n) FILTER (WHERE s.what = 41), 0) AS starts, sum(s.total) FILTER (WHERE s.what = 41) AS start_ms,
             coalesce(sum(s.n) FILTER (WHERE s.what = 42), 0) AS stops, coalesce(sum(s.total) FILTER (WHERE s.what = 42), 0) / 1000 AS stopped,
             coalesce(sum(s.total) FILTER (WHERE s.what = 2), 0) AS watched,
             sum(s.total) FILTER (WHERE s.what = 43) / nullif(sum(s.n) FILTER (WHERE s.what = 43), 0) AS bits,
             sum(s.total) FILTER (WHERE s.what = 343) / nullif(sum(s.n) FILTER (WHERE s.what = 343), 0) AS behind,
             coalesce(sum(s.n) FILTER (WHERE s.what = 40), 0) AS wrong
      FROM analytics.buckets("from", "to", step, zone) b LEFT JOIN s ON s.began = b.bucket GROUP BY 1)
    SELECT w.began, w.starts, w.start_ms / nullif(w.starts, 0), w.stops, w.stopped, w.stopped / nullif(w.stopped + w.watched, 0), w.bits,
           w.behind, w.wrong
    FROM w ORDER BY 1;
END
$$;

-- How much of the breaks was filled, in units (about a second) of one viewer each: what breaks had room for (NULL where nodes
-- do not tell it), what was put into playlists, what was fetched.
CREATE FUNCTION analytics.fill(channel text, "from" timestamptz, "to" timestamptz, step text, zone text)
  RETURNS TABLE (bucket timestamptz, break_units float8, filled_units float8, served_units float8, filled float8, served float8)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM analytics.check_channel(channel);
  PERFORM analytics.grain_for("from", "to", step, zone);
  RETURN QUERY
    WITH w AS (
      SELECT b.bucket AS began, sum(s.value) FILTER (WHERE s.kind = 14) AS room,
             coalesce(sum(s.value) FILTER (WHERE s.kind = 20), 0) AS put, coalesce(sum(s.value) FILTER (WHERE s.kind = 21), 0) AS fetched
      FROM analytics.buckets("from", "to", step, zone) b
      LEFT JOIN analytics.sums('channel', fill.channel, '{14,20,21}', "from", "to", step, zone) s ON s.bucket = b.bucket GROUP BY 1)
    SELECT w.began, w.room, w.put, w.fetched, w.put / nullif(w.room, 0), w.fetched / nullif(w.put, 0) FROM w ORDER BY 1;
END
$$;

-- ---- a channel by what its viewers are: the rule of twenty

-- The cells of [from, to) that are told: whole hours that were over a quarter of an hour ago. A cell of an hour with
-- fewer than 20 visitors is left out, and with it the smallest of the others of its kind, so that what is missing from the
-- hour's total stands for 20 or more. All that is told by an attribute is made of these cells and nothing else, so that no
-- difference of answers finds one that was left out. Not for people.
CREATE FUNCTION analytics.told_cells(channel text, dimension text, "from" timestamptz, "to" timestamptz)
  RETURNS TABLE (bucket timestamptz, key text, kind smallint, count float8, value float8)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  closed timestamptz := least("to", date_bin('1 hour', clock_timestamp() - interval '15 minutes', '2000-01-01 00:00:00+00'));
BEGIN
  IF (dimension IN ('country', 'device', 'variant', 'rule')) IS NOT TRUE THEN
    RAISE EXCEPTION 'there is no breakdown by this' USING ERRCODE = '22023';
  END IF;
  IF (analytics.grain_of("from", "to") IN ('hour', 'day')) IS NOT TRUE THEN
    RAISE EXCEPTION 'from one whole hour to a later one' USING ERRCODE = '22023';
  END IF;
  RETURN QUERY
    -- Counts and visitors are put side by side by grouping, not by a join: how many rows there are nobody can estimate.
    WITH said AS (
      SELECT r.bucket AS began, r.keys[1] AS cell, r.kind AS what, r.count AS events, r.value AS total, NULL::bigint AS people
      FROM dvpe.event_rollup r
      WHERE r.grouping_name = 'channel_' || dimension AND r.subject = told_cells.channel AND r.grain = 'hour'
        AND r.bucket >= "from" AND r.bucket < closed
      UNION ALL
      SELECT v.bucket, v.keys[1], k.what, NULL, NULL, events.reach_count(v.visitors)
      FROM dvpe.event_reach v CROSS JOIN LATERAL unnest(CASE WHEN v.kind = 43 THEN '{43,343}' ELSE ARRAY[v.kind] END) k(what)
      WHERE v.grouping_name = 'channel_' || dimension AND v.subject = told_cells.channel AND v.bucket >= "from" AND v.bucket < closed),
    cells AS (
      SELECT s.began, s.cell, s.what, max(s.events) AS events, max(s.total) AS total, coalesce(max(s.people), 0) AS people
      FROM said s GROUP BY 1, 2, 3 HAVING pg_catalog.count(s.events) > 0),
    ranked AS (
      SELECT c.*, bool_or(c.people < 20) OVER (PARTITION BY c.began, c.what) AS any_hidden,
             row_number() OVER (PARTITION BY c.began, c.what, c.people < 20 ORDER BY c.people, c.cell) AS nth
      FROM cells c)
    SELECT c.began, c.cell, c.what, c.events, c.total FROM ranked c WHERE c.people >= 20 AND NOT (c.any_hidden AND c.nth = 1);
END
$$;

CREATE OR REPLACE FUNCTION analytics.breakdown(channel text, dimension text, "from" timestamptz, "to" timestamptz)
  RETURNS TABLE (key text, kind smallint, count float8, value float8, hours bigint)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM analytics.check_channel(channel);
  RETURN QUERY SELECT c.key, c.kind, sum(c.count), sum(c.value), pg_catalog.count(*)
    FROM analytics.told_cells(channel, dimension, "from", "to") c GROUP BY 1, 2 ORDER BY 2, 3 DESC, 1;
END
$$;

-- From what was shown to the click, for each variant, rule, country or device (arms are judged by analytics.experiment
-- alone: hours of an arm beside its days would tell of few). `events` of `base` is how many of those
-- who were shown it came so far, both in the hours in which both are told: a step that few took is told of few hours.
CREATE FUNCTION analytics.funnel(channel text, dimension text, "from" timestamptz, "to" timestamptz)
  RETURNS TABLE (key text, step int, name text, events float8, base float8, rate float8)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM analytics.check_channel(channel);
  RETURN QUERY
    WITH c AS (SELECT t.* FROM analytics.told_cells(channel, dimension, "from", "to") t),
    steps(n, label, what) AS (VALUES
      (1, 'shown', CASE dimension WHEN 'variant' THEN 10 WHEN 'rule' THEN 12 ELSE 1 END),
      (2, 'ad_started', 22), (3, 'ad_complete', 26), (4, 'ad_clicked', 28))
    SELECT l.key, s.n, s.label, sum(l.count), sum(f.count), sum(l.count) / nullif(sum(f.count), 0)
    FROM steps s JOIN c l ON l.kind = s.what
    JOIN c f ON f.kind = (SELECT x.what FROM steps x WHERE x.n = 1) AND f.bucket = l.bucket AND f.key = l.key
    GROUP BY 1, 2, 3 ORDER BY 1, 2;
END
$$;

-- Where it differs, what matters most first: share (of what the rate is of) times how far the rate is from the mean of all
-- that is told. Rates: watched (minutes for each session), completion (of impressions started), clicks (of impressions
-- started), stalls (seconds for each hour watched), startup (milliseconds).
CREATE FUNCTION analytics.impact(channel text, dimension text, metric text, "from" timestamptz, "to" timestamptz)
  RETURNS TABLE (key text, share float8, rate float8, mean float8, deviation float8, impact float8)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  above int; below int;            -- kinds
  above_sum boolean; below_sum boolean;  -- its value, else how many
  scale float8;
BEGIN
  PERFORM analytics.check_channel(channel);
  SELECT m.a, m.a_sum, m.b, m.b_sum, m.s INTO above, above_sum, below, below_sum, scale
    FROM (VALUES ('watched', 2, true, 1, false, 1 / 60.0), ('completion', 26, false, 22, false, 1), ('clicks', 28, false, 22, false, 1),
                 ('stalls', 42, true, 2, true, 3.6), ('startup', 41, true, 41, false, 1)) m(word, a, a_sum, b, b_sum, s)
    WHERE m.word = metric;
  IF NOT FOUND THEN RAISE EXCEPTION 'metrics are watched, completion, clicks, stalls, startup' USING ERRCODE = '22023'; END IF;
  RETURN QUERY
    WITH c AS (SELECT t.* FROM analytics.told_cells(channel, dimension, "from", "to") t),
    k AS (
      SELECT b.key AS word, sum(CASE WHEN above_sum THEN a.value ELSE a.count END) AS top,
             sum(CASE WHEN below_sum THEN b.value ELSE b.count END) AS bottom
      FROM c a JOIN c b ON a.bucket = b.bucket AND a.key = b.key AND a.kind = above AND b.kind = below GROUP BY 1),
    t AS (SELECT sum(k.top) AS top, sum(k.bottom) AS bottom FROM k),
    r AS (SELECT k.word, k.bottom / nullif(t.bottom, 0) AS part, scale * k.top / nullif(k.bottom, 0) AS own, scale * t.top / nullif(t.bottom, 0) AS every
          FROM k CROSS JOIN t)
    SELECT r.word, r.part, r.own, r.every, r.own - r.every, r.part * (r.own - r.every) FROM r
    WHERE r.own IS NOT NULL ORDER BY abs(r.part * (r.own - r.every)) DESC, r.word;
END
$$;

-- How many differ, of a channel (who watched) or a campaign (to whom something was delivered), for each whole day or week
-- (from Monday) of UTC that was over a quarter of an hour ago. Told in twenties, rounded down, and not below 20: days are
-- parts of weeks and campaigns of channels, and a difference of two such numbers leaves open twenty and more.
-- frequency: sessions begun, or impressions delivered, for each of them.
CREATE FUNCTION analytics.reach(scope text, name text, period text, "from" date, "to" date)
  RETURNS TABLE (began date, viewers bigint, events bigint, frequency float8)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  campaign boolean := scope = 'campaign';
BEGIN
  IF campaign THEN PERFORM analytics.check_campaign(name);
  ELSIF scope = 'channel' THEN PERFORM analytics.check_channel(name);
  ELSE RAISE EXCEPTION 'reach is of a channel or a campaign' USING ERRCODE = '22023'; END IF;
  IF (period IN ('day', 'week') AND "from" < "to" AND "to" - "from" <= 91
      AND date_trunc(period, "from"::timestamp) = "from" AND date_trunc(period, "to"::timestamp) = "to") IS NOT TRUE THEN
    RAISE EXCEPTION 'reach is told of whole days or weeks from Monday, UTC, at most 13 weeks' USING ERRCODE = '22023';
  END IF;
  RETURN QUERY
    WITH w AS (
      SELECT date_trunc(period, r.bucket AT TIME ZONE 'UTC')::date AS first, (array_agg(DISTINCT h ORDER BY h))[1:1024] AS who
      FROM dvpe.event_reach r CROSS JOIN unnest(r.visitors) h
      WHERE r.grouping_name = CASE WHEN campaign THEN 'campaign_creative' ELSE 'channel' END AND r.subject = name
        AND r.kind = CASE WHEN campaign THEN 21 ELSE 2 END
        AND r.bucket >= "from"::timestamp AT TIME ZONE 'UTC' AND r.bucket < "to"::timestamp AT TIME ZONE 'UTC'
      GROUP BY 1),
    n AS (
      SELECT date_trunc(period, r.bucket AT TIME ZONE 'UTC')::date AS first, sum(r.count) AS times
      FROM dvpe.event_rollup r
      WHERE r.grouping_name = CASE WHEN campaign THEN 'campaign_creative' ELSE 'channel' END AND r.subject = name AND r.grain = 'day'
        AND r.kind = CASE WHEN campaign THEN 21 ELSE 1 END
        AND r.bucket >= "from"::timestamp AT TIME ZONE 'UTC' AND r.bucket < "to"::timestamp AT TIME ZONE 'UTC'
      GROUP BY 1)
    SELECT w.first, events.reach_count(w.who) / 20 * 20, round(coalesce(n.times, 0))::bigint,
           coalesce(n.times, 0) / (events.reach_count(w.who) / 20 * 20)
    FROM w LEFT JOIN n USING (first)
    WHERE events.reach_count(w.who) >= 20
      AND (w.first + ('1 ' || period)::interval) AT TIME ZONE 'UTC' <= clock_timestamp() - interval '15 minutes'
    ORDER BY 1;
END
$$;

-- Of who watched in the first minute of an hour, how many per cent were still there at later minutes: of each whole hour of
-- UTC by itself (of_hour), and of all of them, one after the other (of_all). Who leaves is told in groups of 20 or more, and so
-- is who stays: minutes in between are left out. Hours in which fewer than 20 began end the list. Above 512 viewers in a
-- minute those with the smallest hashes stand for all, within about 2 per cent.
CREATE FUNCTION analytics.retention(channel text, "from" timestamptz, "to" timestamptz)
  RETURNS TABLE (minute timestamptz, of_hour int, of_all float8)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  hour timestamptz := "from";
  chain float8 := 1;
  below int;        -- hashes up to this one are complete in every minute of the hour
  leave int[];      -- by minute: how many were last seen in it
  cohort int;
  stay int;         -- who is there after the minute
  told int;         -- who was there when it was last told
BEGIN
  PERFORM analytics.check_channel(channel);
  IF (analytics.grain_of("from", "to") IN ('hour', 'day') AND "to" - "from" <= interval '24 hours') IS NOT TRUE THEN
    RAISE EXCEPTION 'from one whole hour to a later one, at most 24' USING ERRCODE = '22023';
  END IF;
  WHILE hour < "to" AND hour + interval '75 minutes' <= clock_timestamp() LOOP
    SELECT coalesce(min(p.visitors[512]), 2147483647) INTO below FROM dvpe.event_presence p
      WHERE p.channel = retention.channel AND p.minute >= hour AND p.minute < hour + interval '1 hour';
    WITH seen AS (
      SELECT h, extract(epoch FROM max(p.minute) - hour)::int / 60 AS last
      FROM dvpe.event_presence p CROSS JOIN unnest(p.visitors) h
      WHERE p.channel = retention.channel AND p.minute >= hour AND p.minute < hour + interval '1 hour' AND h <= below
      GROUP BY h HAVING min(p.minute) = hour)
    SELECT array_agg((SELECT count(*) FROM seen s WHERE s.last = m) ORDER BY m), (SELECT count(*) FROM seen)
      INTO leave, cohort FROM generate_series(0, 59) m;
    EXIT WHEN cohort < 20;
    minute := hour;
    of_hour := 100;
    of_all := round((100 * chain)::numeric, 1);
    RETURN NEXT;
    stay := cohort;
    told := cohort;
    FOR m IN 0..58 LOOP
      stay := stay - leave[m + 1];
      CONTINUE WHEN told - stay < 20 OR stay < 20;
      told := stay;
      minute := hour + (m + 1) * interval '1 minute';
      of_hour := round(100.0 * stay / cohort);
      of_all := round((chain * of_hour)::numeric, 1);
      RETURN NEXT;
    END LOOP;
    chain := chain * of_hour / 100;
    hour := hour + interval '1 hour';
  END LOOP;
END
$$;

-- ---- a campaign: its own, exact at any size

-- What was decided, delivered, confirmed, seen to its end and clicked in each bucket.
CREATE FUNCTION analytics.delivery_over_time(campaign text, "from" timestamptz, "to" timestamptz, step text, zone text)
  RETURNS TABLE (bucket timestamptz, decided bigint, delivered bigint, confirmed bigint, completed bigint, clicked bigint)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM analytics.check_campaign(campaign);
  PERFORM analytics.grain_for("from", "to", step, zone);
  RETURN QUERY
    SELECT b.bucket, round(coalesce(sum(s.count) FILTER (WHERE s.kind = 20), 0))::bigint,
           round(coalesce(sum(s.count) FILTER (WHERE s.kind = 21), 0))::bigint,
           round(coalesce(sum(s.count) FILTER (WHERE s.kind = 22), 0))::bigint,
           round(coalesce(sum(s.count) FILTER (WHERE s.kind = 26), 0))::bigint,
           round(coalesce(sum(s.count) FILTER (WHERE s.kind = 28), 0))::bigint
    FROM analytics.buckets("from", "to", step, zone) b
    LEFT JOIN analytics.sums('campaign_creative', delivery_over_time.campaign, '{20,21,22,26,28}', "from", "to", step, zone) s
      ON s.bucket = b.bucket
    GROUP BY 1 ORDER BY 1;
END
$$;

-- From the playlist to the click, by line and creative.
CREATE FUNCTION analytics.campaign_funnel(campaign text, "from" timestamptz, "to" timestamptz)
  RETURNS TABLE (line text, creative text, decided bigint, delivered bigint, started bigint, first_quartile bigint, midpoint bigint,
                 third_quartile bigint, complete bigint, skipped bigint, clicked bigint)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  kept text := analytics.grain_of("from", "to");
BEGIN
  PERFORM analytics.check_campaign(campaign);
  IF kept IS NULL THEN RAISE EXCEPTION 'from one whole minute to a later one' USING ERRCODE = '22023'; END IF;
  RETURN QUERY
    WITH n AS (
      SELECT r.keys[2] AS l, r.keys[3] AS c, r.kind AS what, round(sum(r.count))::bigint AS times
      FROM dvpe.event_rollup r
      WHERE r.grouping_name = 'campaign_creative' AND r.subject = campaign_funnel.campaign AND r.grain = kept
        AND r.bucket >= "from" AND r.bucket < "to" AND r.kind BETWEEN 20 AND 28
      GROUP BY 1, 2, 3)
    SELECT n.l, n.c, coalesce(max(n.times) FILTER (WHERE n.what = 20), 0), coalesce(max(n.times) FILTER (WHERE n.what = 21), 0),
           coalesce(max(n.times) FILTER (WHERE n.what = 22), 0), coalesce(max(n.times) FILTER (WHERE n.what = 23), 0),
           coalesce(max(n.times) FILTER (WHERE n.what = 24), 0), coalesce(max(n.times) FILTER (WHERE n.what = 25), 0),
           coalesce(max(n.times) FILTER (WHERE n.what = 26), 0), coalesce(max(n.times) FILTER (WHERE n.what = 27), 0),
           coalesce(max(n.times) FILTER (WHERE n.what = 28), 0)
    FROM n GROUP BY 1, 2 ORDER BY 1, 2;
END
$$;

-- The body of a document as it is in force: of the newest release, else the newest that was not withdrawn. NULL: none.
CREATE FUNCTION registry.body_of(kind text, document text) RETURNS jsonb
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  owner text := registry.owner_of(kind, document);
  released int;
  found bytea;
BEGIN
  SELECT (d->>'revision')::int INTO released
    FROM (SELECT r.contents FROM dvpe.release r ORDER BY r.sequence DESC LIMIT 1) newest
    CROSS JOIN LATERAL jsonb_array_elements(convert_from(newest.contents, 'UTF8')::jsonb->'documents') d
    WHERE d->>'kind' = body_of.kind AND d->>'id' = body_of.document;
  SELECT r.contents INTO found FROM dvpe.revision r
    WHERE r.organisation = owner AND r.kind = body_of.kind AND r.document = body_of.document
      AND (r.revision = released OR released IS NULL AND NOT r.withdrawn)
    ORDER BY r.revision DESC LIMIT 1;
  RETURN convert_from(found, 'UTF8')::jsonb->'body';
END
$$;
ALTER FUNCTION registry.body_of(text, text) OWNER TO dvpe_registry;
GRANT EXECUTE ON FUNCTION registry.body_of(text, text) TO dvpe_analytics;

-- The lines of a campaign's document with what money and plan need. Money in millionths. Not for people.
CREATE FUNCTION analytics.lines_of(campaign text)
  RETURNS TABLE (line text, currency text, bill_on text, pacing text, goal_kind text, goal bigint, price_kind text, price bigint,
                 budget bigint, flight_from timestamptz, flight_until timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  WITH c AS (
    SELECT b, coalesce(b->>'timezone', 'UTC') AS zone, coalesce(b->>'currency', 'EUR') AS money
    FROM registry.body_of('campaign', lines_of.campaign) b)
  SELECT l->>'id', c.money, coalesce(l->>'billOn', 'delivered'), coalesce(l->>'pacing', 'even'),
         (SELECT g.key FROM jsonb_each_text(l->'goal') g LIMIT 1), (SELECT g.value::numeric::bigint FROM jsonb_each_text(l->'goal') g LIMIT 1),
         (SELECT p.key FROM jsonb_each_text(l->'price') p LIMIT 1), (SELECT (p.value::numeric * 1000000)::bigint FROM jsonb_each_text(l->'price') p LIMIT 1),
         ((l->'budget'->>'total')::numeric * 1000000)::bigint,
         -- Both flights must be open; greatest and least leave out what is absent.
         greatest((c.b->'flight'->>'from')::timestamp, (l->'flight'->>'from')::timestamp) AT TIME ZONE c.zone,
         least((c.b->'flight'->>'until')::timestamp, (l->'flight'->>'until')::timestamp) AT TIME ZONE c.zone
  FROM c CROSS JOIN jsonb_array_elements(c.b->'lines') l
$$;

-- What is owed for [from, to), in millionths of the campaign's currency: for each line and channel the price of today's
-- document times the impressions that count by its billOn, or the completed views. A flat price is spread evenly over the
-- flight, on no channel; without an end of the flight it is not told (NULL).
CREATE FUNCTION analytics.revenue(campaign text, "from" timestamptz, "to" timestamptz)
  RETURNS TABLE (line text, channel text, price_kind text, counted bigint, micros bigint, currency text)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  kept text := analytics.grain_of("from", "to");
BEGIN
  PERFORM analytics.check_campaign(campaign);
  IF kept IS NULL THEN RAISE EXCEPTION 'from one whole minute to a later one' USING ERRCODE = '22023'; END IF;
  RETURN QUERY
    WITH l AS (SELECT x.* FROM analytics.lines_of(revenue.campaign) x),
    n AS (
      SELECT r.keys[2] AS line, r.keys[1] AS channel, r.kind, round(sum(r.count))::bigint AS times
      FROM dvpe.event_rollup r
      WHERE r.grouping_name = 'campaign_creative' AND r.subject = revenue.campaign AND r.grain = kept AND r.bucket >= "from"
        AND r.bucket < "to" AND r.kind IN (21, 22, 26)
      GROUP BY 1, 2, 3)
    SELECT l.line, n.channel, l.price_kind, n.times,
           CASE l.price_kind WHEN 'cpm' THEN round(n.times::numeric * l.price / 1000)::bigint ELSE (n.times::numeric * l.price)::bigint END, l.currency
    FROM l JOIN n ON n.line = l.line
      AND n.kind = CASE WHEN l.price_kind = 'cpcv' THEN 26 WHEN l.bill_on = 'confirmed' THEN 22 ELSE 21 END
    WHERE l.price_kind IN ('cpm', 'cpcv')
    UNION ALL
    SELECT l.line, '', l.price_kind, 0,
           round(l.price * (extract(epoch FROM greatest(least("to", l.flight_until) - greatest("from", l.flight_from), interval '0'))
                            / extract(epoch FROM l.flight_until - l.flight_from)))::bigint, l.currency
    FROM l WHERE l.price_kind = 'flat'
    ORDER BY 1, 2;
END
$$;

-- How a campaign's lines stand at a whole hour against what was planned: what counts for the goal, what an even course would
-- have brought by now, and what the pace of the last 24 hours would bring until the flight ends. NULL where a line has no
-- such goal, flight or even pacing. Money in millionths.
CREATE FUNCTION analytics.plan(campaign text, at timestamptz)
  RETURNS TABLE (line text, goal_kind text, goal bigint, flight_from timestamptz, flight_until timestamptz, counted bigint,
                 expected bigint, per_hour float8, projected bigint, budget_micros bigint, spent_micros bigint, currency text)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  hour timestamptz := date_bin('1 hour', at, '2000-01-01 00:00:00+00');
BEGIN
  PERFORM analytics.check_campaign(campaign);
  IF hour IS NULL THEN RAISE EXCEPTION 'a plan is of a moment' USING ERRCODE = '22023'; END IF;
  RETURN QUERY
    WITH l AS (SELECT x.* FROM analytics.lines_of(plan.campaign) x),
    n AS (
      SELECT r.keys[2] AS line, r.kind, round(sum(r.count))::bigint AS times,
             coalesce(sum(r.count) FILTER (WHERE r.bucket >= hour - interval '24 hours'), 0) AS lately
      FROM dvpe.event_rollup r
      WHERE r.grouping_name = 'campaign_creative' AND r.subject = plan.campaign AND r.grain = 'hour' AND r.bucket < hour AND r.kind IN (21, 22, 26)
      GROUP BY 1, 2),
    c AS (
      SELECT l.line, CASE WHEN l.goal_kind = 'shareOfVoice' THEN NULL ELSE coalesce(n.times, 0) END AS times,
             coalesce(n.lately, 0) / nullif(extract(epoch FROM hour - greatest(l.flight_from, hour - interval '24 hours')) / 3600, 0) AS pace,
             extract(epoch FROM least(hour, l.flight_until) - l.flight_from) / nullif(extract(epoch FROM l.flight_until - l.flight_from), 0) AS gone,
             extract(epoch FROM l.flight_until - hour) / 3600 AS hours_left
      FROM l LEFT JOIN n ON n.line = l.line
        AND n.kind = CASE WHEN l.goal_kind = 'completedViews' THEN 26 WHEN l.bill_on = 'confirmed' THEN 22 ELSE 21 END),
    m AS (SELECT r.line, sum(r.micros)::bigint AS spent FROM analytics.revenue(plan.campaign, '2020-01-01 00:00:00+00', hour) r GROUP BY 1)
    SELECT l.line, l.goal_kind, l.goal, l.flight_from, l.flight_until, c.times,
           CASE WHEN l.pacing = 'even' AND l.goal_kind <> 'shareOfVoice' THEN round(l.goal * greatest(c.gone, 0))::bigint END,
           CASE WHEN hour > coalesce(l.flight_from, '-infinity') AND c.hours_left > 0 AND c.times IS NOT NULL THEN c.pace::float8 END,
           CASE WHEN c.hours_left <= 0 THEN c.times
                WHEN hour > coalesce(l.flight_from, '-infinity') THEN c.times + round(c.pace::numeric * c.hours_left)::bigint END,
           l.budget, CASE WHEN l.price_kind IS NULL OR (l.price_kind = 'flat' AND m.spent IS NULL) THEN NULL ELSE coalesce(m.spent, 0) END, l.currency
    FROM l JOIN c USING (line) LEFT JOIN m USING (line) ORDER BY 1;
END
$$;

DO $do$
DECLARE
  f regprocedure;
BEGIN
  FOR f IN SELECT p.oid::regprocedure FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'analytics'::regnamespace LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO dvpe_analytics', f);
  END LOOP;
END
$do$;
GRANT EXECUTE ON FUNCTION analytics.viewers(text, timestamptz, timestamptz, text, text),
  analytics.engagement(text, timestamptz, timestamptz, text, text), analytics.qoe(text, timestamptz, timestamptz, text, text),
  analytics.fill(text, timestamptz, timestamptz, text, text), analytics.funnel(text, text, timestamptz, timestamptz),
  analytics.impact(text, text, text, timestamptz, timestamptz), analytics.reach(text, text, text, date, date),
  analytics.retention(text, timestamptz, timestamptz), analytics.delivery_over_time(text, timestamptz, timestamptz, text, text),
  analytics.campaign_funnel(text, timestamptz, timestamptz), analytics.revenue(text, timestamptz, timestamptz),
  analytics.plan(text, timestamptz) TO dvpe_person;
