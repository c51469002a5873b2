-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- What experiments came to (docs/reference/experiments.md): a viewer's sums by day, counted with the batches of events; pure
-- functions over sufficient statistics; and one function that tells.

-- ---- a viewer's sums

-- What a visitor did on a day in an arm. The unit of an experiment is the viewer, and events are clustered in viewers: neither
-- rollups nor sketches hold a sum of squares over viewers, and raw events of weeks are too many to be read for each look.
-- `visitor` is another one each month, so no row says more than a month about anybody.
CREATE TABLE dvpe.trial_day (
  experiment text COLLATE "C" NOT NULL,
  day date NOT NULL,              -- the event's: by its month `visitor` was made
  arm text COLLATE "C" NOT NULL,
  visitor bigint NOT NULL,
  watched float8 NOT NULL,        -- seconds that heartbeats tell of
  completed float8 NOT NULL,      -- advertisements
  clicked float8 NOT NULL,
  liked float8 NOT NULL,
  PRIMARY KEY (experiment, day, arm, visitor)
) WITH (fillfactor = 70);
CREATE INDEX trial_day_old ON dvpe.trial_day (day);
-- Who is in which arm, as nodes told of it: the same month's `visitor`.
CREATE TABLE dvpe.trial_arm (
  visitor bigint NOT NULL,
  experiment text COLLATE "C" NOT NULL,
  arm text COLLATE "C" NOT NULL,
  day date NOT NULL,              -- of the first word of it
  PRIMARY KEY (visitor, experiment, arm)
);
CREATE INDEX trial_arm_old ON dvpe.trial_arm (day);
ALTER TABLE dvpe.trial_arm OWNER TO dvpe_owner;
ALTER TABLE dvpe.trial_arm ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY events ON dvpe.trial_arm TO dvpe_events USING (true);
GRANT SELECT, INSERT, DELETE ON dvpe.trial_arm TO dvpe_events;
ALTER TABLE dvpe.trial_day OWNER TO dvpe_owner;
ALTER TABLE dvpe.trial_day ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY events ON dvpe.trial_day TO dvpe_events USING (true);
CREATE POLICY analytics ON dvpe.trial_day FOR SELECT TO dvpe_analytics USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON dvpe.trial_day TO dvpe_events;
GRANT SELECT ON dvpe.trial_day TO dvpe_analytics;

-- Runs where batches are marked as counted, in that transaction, whoever marks them: each batch is in these sums once too.
-- That a viewer is in an arm, "experiment/arm", is an event of its own (arm_assigned); what the viewer does from the batch on in which
-- that comes counts for the arm.
CREATE FUNCTION events.count_trials() RETURNS trigger
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
  INSERT INTO dvpe.trial_arm (visitor, experiment, arm, day)
    SELECT v.visitor, split_part(p.arm, '/', 1), split_part(p.arm, '/', 2), min(v.day)
    FROM dvpe.event v JOIN dvpe.event_place p ON p.id = v.place
    WHERE v.day BETWEEN first AND last AND v.batch = ANY (taken) AND v.visitor <> 0 AND v.kind = 13
      AND p.arm ~ '^[A-Za-z0-9_-]{1,64}/[A-Za-z0-9_-]{1,64}$'
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING;
  IF NOT EXISTS (SELECT FROM dvpe.trial_arm) THEN RETURN NULL; END IF;
  WITH e AS MATERIALIZED (
    SELECT v.visitor, v.day,
           coalesce(sum(v.weight::float8 * v.value) FILTER (WHERE v.kind = 2), 0) AS watched,
           coalesce(sum(v.weight::float8) FILTER (WHERE v.kind = 26), 0) AS completed,
           coalesce(sum(v.weight::float8) FILTER (WHERE v.kind = 28), 0) AS clicked,
           coalesce(sum(v.weight::float8) FILTER (WHERE v.kind = 60 AND v.text = 'like'), 0) AS liked
    FROM dvpe.event v WHERE v.day BETWEEN first AND last AND v.batch = ANY (taken) AND v.visitor <> 0 GROUP BY 1, 2)
  INSERT INTO dvpe.trial_day AS t (experiment, day, arm, visitor, watched, completed, clicked, liked)
    SELECT a.experiment, e.day, a.arm, e.visitor, e.watched, e.completed, e.clicked, e.liked
    FROM e JOIN dvpe.trial_arm a USING (visitor) ORDER BY 1, 2, 3, 4
    ON CONFLICT ON CONSTRAINT trial_day_pkey DO UPDATE
      SET watched = t.watched + excluded.watched, completed = t.completed + excluded.completed,
          clicked = t.clicked + excluded.clicked, liked = t.liked + excluded.liked;
  RETURN NULL;
END
$$;
ALTER FUNCTION events.count_trials() OWNER TO dvpe_events;
CREATE TRIGGER trials AFTER UPDATE ON dvpe.event_batch REFERENCING OLD TABLE AS unmarked NEW TABLE AS marked
  FOR EACH STATEMENT EXECUTE FUNCTION events.count_trials();

-- The running month and the one before are kept. Who leads clears away each time it retains: batches go then, and with them this.
CREATE FUNCTION events.retain_trials() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  DELETE FROM dvpe.trial_day t WHERE t.ctid = ANY (ARRAY(
    SELECT x.ctid FROM dvpe.trial_day x
    WHERE x.day < (date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') - interval '1 month')::date LIMIT 100000));
  DELETE FROM dvpe.trial_arm t WHERE t.ctid = ANY (ARRAY(
    SELECT x.ctid FROM dvpe.trial_arm x
    WHERE x.day < (date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') - interval '1 month')::date LIMIT 100000));
  RETURN NULL;
END
$$;
ALTER FUNCTION events.retain_trials() OWNER TO dvpe_events;
CREATE TRIGGER trials_that_are_old AFTER DELETE ON dvpe.event_batch FOR EACH STATEMENT EXECUTE FUNCTION events.retain_trials();

-- ---- pure functions. A sample is (viewers, sum, sum of squares) of a figure over viewers.

-- How far the mixture has come: the tuning that is tightest at `tuned` viewers of both arms, x = ln((x + 1) / 0.05^2).
CREATE FUNCTION analytics.trial_information(viewers float8, tuned float8) RETURNS float8
  LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
  AS $$ SELECT 8.211968 * viewers / nullif(tuned, 0) $$;

-- How many standard errors from nought are too many, at every moment together. Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas,
-- "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 2024 (arXiv 2103.06476):
-- Theorem 2.2, Robbins' normal mixture; one-sided: its appendix on one-sided sequences.
CREATE FUNCTION analytics.trial_boundary(viewers float8, tuned float8, alpha float8, one_sided boolean DEFAULT false) RETURNS float8
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  y float8 := analytics.trial_information(viewers, tuned);
BEGIN
  IF (viewers > 0 AND tuned > 0 AND alpha > 0 AND alpha < 1) IS NOT TRUE THEN RETURN NULL; END IF;
  IF one_sided THEN RETURN sqrt(2 * (y + 1) / y * ln(1 + sqrt(y + 1) / (2 * alpha))); END IF;
  RETURN sqrt(2 * (y + 1) / y * ln(sqrt(y + 1) / alpha));
END
$$;

-- The squared standard error of the difference of two means; null when nothing varies, or only as sums of floating point do.
-- The larger of Welch's and the pooled one: of what few viewers do, a small arm has often seen none, and its own variance, nought, would
-- make a difference of chance look certain.
CREATE FUNCTION analytics.trial_error(n0 float8, sum0 float8, square0 float8, n1 float8, sum1 float8, square1 float8) RETURNS float8
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  away0 float8;  -- squares around the mean
  away1 float8;
  error float8;
BEGIN
  IF (n0 >= 2 AND n1 >= 2) IS NOT TRUE THEN RETURN NULL; END IF;
  away0 := greatest(square0 - sum0 * sum0 / n0, 0);
  away1 := greatest(square1 - sum1 * sum1 / n1, 0);
  error := greatest(away0 / (n0 - 1) / n0 + away1 / (n1 - 1) / n1, (away0 + away1) / (n0 + n1 - 2) * (1 / n0 + 1 / n1));
  RETURN CASE WHEN error > 1e-15 * (square0 / n0 / n0 + square1 / n1 / n1) THEN error END;
END
$$;

-- An arm (1) against the control (0): difference of the means, the same in parts of the control's mean, an interval that may
-- be looked at as often as one likes, the p value that goes with it (1 / p is the mixture's e-value), and what it means.
CREATE FUNCTION analytics.trial_compare(n0 float8, sum0 float8, square0 float8, n1 float8, sum1 float8, square1 float8,
                                        tuned float8 DEFAULT 10000, alpha float8 DEFAULT 0.05,
                                        OUT difference float8, OUT relative float8, OUT low float8, OUT high float8, OUT p float8,
                                        OUT decision text)
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  error float8 := analytics.trial_error(n0, sum0, square0, n1, sum1, square1);
  y float8;
  far float8;
BEGIN
  decision := 'open';
  IF (n0 >= 2 AND n1 >= 2) IS NOT TRUE THEN RETURN; END IF;
  difference := sum1 / n1 - sum0 / n0;
  relative := difference / nullif(sum0 / n0, 0);
  IF error IS NULL THEN RETURN; END IF;
  y := analytics.trial_information(n0 + n1, tuned);
  p := least(1, sqrt(y + 1) * exp(greatest(-700, -difference * difference / error * y / (2 * (y + 1)))));
  far := analytics.trial_boundary(n0 + n1, tuned, alpha) * sqrt(error);
  low := difference - far;
  high := difference + far;
  IF low > 0 THEN decision := 'higher'; ELSIF high < 0 THEN decision := 'lower'; END IF;
END
$$;

-- Whether an arm harms what must not be harmed: its mean is below (1 - margin) of the control's, beyond chance at every moment
-- together; one-sided.
CREATE FUNCTION analytics.trial_harmed(n0 float8, sum0 float8, square0 float8, n1 float8, sum1 float8, square1 float8, margin float8,
                                       tuned float8 DEFAULT 10000, alpha float8 DEFAULT 0.05) RETURNS boolean
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  kept float8 := 1 - margin;  -- the control is compared as if it had come to this part of itself
  error float8 := analytics.trial_error(n0, kept * sum0, kept * kept * square0, n1, sum1, square1);
BEGIN
  IF (margin >= 0 AND margin < 1 AND error > 0) IS NOT TRUE THEN RETURN false; END IF;
  RETURN sum1 / n1 - kept * sum0 / n0 + analytics.trial_boundary(n0 + n1, tuned, alpha, true) * sqrt(error) < 0;
END
$$;

-- ln of the gamma function, x > 0: Stirling's series from 10 on; 1e-10.
CREATE FUNCTION analytics.trial_ln_gamma(x float8) RETURNS float8
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  y float8 := x;
  before float8 := 1;
BEGIN
  WHILE y < 10 LOOP
    before := before * y;
    y := y + 1;
  END LOOP;
  RETURN (y - 0.5) * ln(y) - y + 0.5 * ln(2 * pi()) + 1 / (12 * y) - 1 / (360 * y ^ 3) + 1 / (1260 * y ^ 5) - ln(before);
END
$$;

-- Whether viewers fell into arms as their shares say, at every moment together: the p value of Lindon and Malek,
-- "Anytime-valid inference for multinomial count data" (NeurIPS 2022), section 3, the Bayes factor of a Dirichlet around the
-- shares that weighs 1,000 viewers. Below 0.001 nothing that was measured may be believed.
CREATE FUNCTION analytics.trial_ratio(viewers float8[], shares float8[]) RETURNS float8
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  weight constant float8 := 1000;
  total float8 := (SELECT sum(x) FROM unnest(shares) x);
  odds float8;
BEGIN
  IF (cardinality(viewers) = cardinality(shares) AND total > 0 AND 0 < ALL (shares)) IS NOT TRUE THEN RETURN NULL; END IF;
  SELECT analytics.trial_ln_gamma(weight) - analytics.trial_ln_gamma(weight + sum(u.n))
         + sum(analytics.trial_ln_gamma(weight * u.share / total + u.n) - analytics.trial_ln_gamma(weight * u.share / total)
               - u.n * ln(u.share / total))
    INTO odds FROM unnest(viewers, shares) u(n, share);
  RETURN least(1, exp(greatest(-700, least(0, -odds))));
END
$$;

-- How many viewers, both arms together, this same sequential test needs: with so many, and tuned to so many, it calls a
-- difference of `least_relative` of the mean with at least this power at the last look alone; looks before add to it. mean, variance: of a
-- viewer's figure without the change; with it the variance is taken to grow as the mean does. share: of the arm.
-- The normal quantile is Abramowitz and Stegun's 26.2.23, which is off by 0.0005 at most.
CREATE FUNCTION analytics.trial_size(mean float8, variance float8, least_relative float8, share float8 DEFAULT 0.5,
                                     alpha float8 DEFAULT 0.05, power float8 DEFAULT 0.8) RETURNS bigint
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  t float8;
  z float8;
  drift float8;
  grown float8 := (1 + least_relative) ^ 2;
BEGIN
  IF (mean > 0 AND variance > 0 AND least_relative > -1 AND least_relative <> 0 AND share > 0 AND share < 1 AND alpha > 0 AND alpha < 0.5
      AND power >= 0.5 AND power < 1) IS NOT TRUE THEN
    RAISE EXCEPTION 'mean and variance are above 0, the difference is above -1 and not 0, 0 < share < 1, 0 < alpha < 0.5 <= power < 1'
      USING ERRCODE = '22023';
  END IF;
  t := sqrt(-2 * ln(1 - power));
  z := t - (2.515517 + 0.802853 * t + 0.010328 * t ^ 2) / (1 + 1.432788 * t + 0.189269 * t ^ 2 + 0.001308 * t ^ 3);
  drift := analytics.trial_boundary(1, 1, alpha) + z;
  -- trial_error's two, of one viewer
  RETURN ceil(drift ^ 2 * variance * greatest(grown / share + 1 / (1 - share), (share * grown + 1 - share) / share / (1 - share))
              / (least_relative * mean) ^ 2)::bigint;
END
$$;

-- ---- what is told

-- The arms of an experiment of whose it is, as its document in the newest release says, else its newest revision: their
-- order, how many buckets each has, and since when the arms are as they are (null: from the first revision on).
CREATE FUNCTION registry.arms_of(experiment text) RETURNS TABLE (arm text, nth bigint, buckets float8, since timestamptz)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  whose text := registry.owner_of('experiment', arms_of.experiment);
  current int;
  now_arms jsonb;
  changed timestamptz;
BEGIN
  SELECT (d->>'revision')::int INTO current
    FROM (SELECT r.contents FROM dvpe.release r ORDER BY r.sequence DESC LIMIT 1) newest
    CROSS JOIN LATERAL jsonb_array_elements(convert_from(newest.contents, 'UTF8')::jsonb->'documents') d
    WHERE d->>'kind' = 'experiment' AND d->>'id' = arms_of.experiment;
  SELECT r.revision, convert_from(r.contents, 'UTF8')::jsonb->'body'->'arms' INTO current, now_arms FROM dvpe.revision r
    WHERE r.organisation = whose AND r.kind = 'experiment' AND r.document = arms_of.experiment AND r.revision <= coalesce(current, r.revision)
    ORDER BY r.revision DESC LIMIT 1;
  IF jsonb_typeof(now_arms) IS DISTINCT FROM 'array' THEN RETURN; END IF;
  SELECT min(r.accepted) INTO changed FROM dvpe.revision r
    WHERE r.organisation = whose AND r.kind = 'experiment' AND r.document = arms_of.experiment AND r.revision <= current
      AND r.revision > (SELECT max(x.revision) FROM dvpe.revision x
                        WHERE x.organisation = whose AND x.kind = 'experiment' AND x.document = arms_of.experiment AND x.revision < current
                          AND convert_from(x.contents, 'UTF8')::jsonb->'body'->'arms' IS DISTINCT FROM now_arms);
  RETURN QUERY SELECT a.value->>'id', a.ordinality,
      (SELECT sum((b->>1)::float8 - (b->>0)::float8) FROM jsonb_array_elements(a.value->'buckets') b), changed
    FROM jsonb_array_elements(now_arms) WITH ORDINALITY a WHERE a.value->>'id' IS NOT NULL;
END
$$;
ALTER FUNCTION registry.arms_of(text) OWNER TO dvpe_registry;
GRANT EXECUTE ON FUNCTION registry.arms_of(text) TO dvpe_analytics;

-- Whoever runs the experiment. Never an advertiser.
CREATE FUNCTION analytics.check_experiment(experiment text) RETURNS void
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF session.me() IS NULL OR NOT (session.has_role('admin')
      OR ((session.has_role('creator') OR session.has_role('analyst') OR session.has_role('broadcaster') OR session.has_role('ad_operations'))
          AND coalesce(registry.owner_of('experiment', check_experiment.experiment) = session.organisation(), false))) THEN
    RAISE EXCEPTION 'this is not an experiment of yours' USING ERRCODE = '42501';
  END IF;
END
$$;

-- By month, arm and figure: (viewers, sum, sum of squares), of days that may be told. A day may be told when each arm that is
-- told had 20 viewers on it, and the others together none or 20: so the arms are compared over the same days, and all that is
-- told, and differences of what is told, are sums over whole days of arms with 20 viewers. An arm with 20 viewers on fewer than half
-- of its month's days is not told at all; it would take the days of the others.
-- Hash joins alone: the planner cannot know whether a million rows are joined or ten, and sorts or loops would not end.
CREATE FUNCTION analytics.trial_samples(experiment text, first date, past date)
  RETURNS TABLE (month date, arm text, metric text, viewers float8, total float8, squares float8, first_day date)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET work_mem = '64MB' SET enable_mergejoin = off SET enable_nestloop = off
AS $$
  WITH kept AS MATERIALIZED (  -- whole months, so that a viewer's first day does not hang on what is asked for
    SELECT t.*, date_trunc('month', t.day::timestamp)::date AS month FROM dvpe.trial_day t
    WHERE t.experiment = trial_samples.experiment AND t.day < trial_samples.past
      AND t.day >= date_trunc('month', trial_samples.first::timestamp)::date),
  newcomers AS MATERIALIZED (SELECT k.month, k.arm, k.visitor, min(k.day) AS day FROM kept k GROUP BY 1, 2, 3),
  cells AS MATERIALIZED (
    SELECT k.*, coalesce(n.people, 0) AS newcomers
    FROM (SELECT x.month, x.arm, x.day, count(*) AS people FROM kept x WHERE x.day >= trial_samples.first GROUP BY 1, 2, 3) k
    LEFT JOIN (SELECT x.month, x.arm, x.day, count(*) AS people FROM newcomers x GROUP BY 1, 2, 3) n USING (month, arm, day)),
  arms AS (  -- that are told
    SELECT c.month, c.arm FROM cells c JOIN (SELECT x.month, count(DISTINCT x.day) AS days FROM cells x GROUP BY 1) m USING (month)
    GROUP BY c.month, c.arm, m.days HAVING count(*) FILTER (WHERE c.people >= 20) * 2 >= m.days),
  days AS (
    SELECT c.month, c.day,
           (count(a.arm) FILTER (WHERE c.people >= 20) = n.arms
            AND coalesce(sum(c.people) FILTER (WHERE a.arm IS NULL), 20) >= 20) AS told,
           (count(a.arm) FILTER (WHERE c.newcomers >= 20) = n.arms
            AND coalesce(sum(c.newcomers) FILTER (WHERE a.arm IS NULL), 0) NOT BETWEEN 1 AND 19
            AND c.day + 1 < trial_samples.past AND c.day + 1 < c.month + interval '1 month') AS told_return
    FROM cells c JOIN (SELECT x.month, count(*) AS arms FROM arms x GROUP BY 1) n ON n.month = c.month
    LEFT JOIN arms a ON a.month = c.month AND a.arm = c.arm GROUP BY c.month, c.day, n.arms),
  of_viewers AS (
    SELECT k.month, k.arm, k.visitor, sum(k.watched) AS watched, sum(k.completed) AS completed, sum(k.clicked) AS clicked,
           sum(k.liked) AS liked, min(k.day) AS first_day
    FROM kept k JOIN arms a ON a.month = k.month AND a.arm = k.arm JOIN days d ON d.day = k.day AND d.told GROUP BY 1, 2, 3),
  of_newcomers AS (
    SELECT n.month, n.arm, n.day, (r.visitor IS NOT NULL)::int::float8 AS returned
    FROM newcomers n JOIN arms a ON a.month = n.month AND a.arm = n.arm JOIN days d ON d.day = n.day AND d.told_return
    LEFT JOIN kept r ON r.day = n.day + 1 AND r.arm = n.arm AND r.visitor = n.visitor)
  SELECT v.month, v.arm, m.metric, count(*)::float8, sum(m.x), sum(m.x * m.x), min(v.first_day)
  FROM of_viewers v CROSS JOIN LATERAL (VALUES ('watched', v.watched), ('completed', v.completed), ('clicked', v.clicked), ('liked', v.liked)) m(metric, x)
  GROUP BY 1, 2, 3
  UNION ALL
  SELECT w.month, w.arm, 'returned', count(*)::float8, sum(w.returned), sum(w.returned), min(w.day) FROM of_newcomers w GROUP BY 1, 2
$$;

-- What an experiment came to from one UTC day to a later one, as far as they are over for a quarter of an hour; by month,
-- since viewers are known for a month. Say the same `from` and `planned` (viewers of two arms) each time: what may be looked at
-- at any time is a trial that goes on, not one that is chosen by what it showed. The control is `control`, else `holdout`,
-- else the document's first arm, else the first by name. arm '': whether viewers fell into arms as they should.
CREATE FUNCTION analytics.experiment(experiment text, "from" timestamptz, "to" timestamptz, planned bigint DEFAULT 10000)
  RETURNS TABLE (month date, arm text, metric text, viewers bigint, mean float8, difference float8, relative float8, low float8, high float8,
                 p float8, decision text)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  guard constant float8 := 0.05;
  first date := ("from" AT TIME ZONE 'UTC')::date;
  past date := least(("to" AT TIME ZONE 'UTC')::date, (clock_timestamp() AT TIME ZONE 'UTC' - interval '15 minutes')::date);
BEGIN
  PERFORM analytics.check_experiment(experiment.experiment);
  IF (analytics.grain_of("from", "to") = 'day' AND "to" - "from" <= interval '62 days') IS NOT TRUE THEN
    RAISE EXCEPTION 'from one whole day, UTC, to a later one, at most 62' USING ERRCODE = '22023';
  END IF;
  IF (planned BETWEEN 40 AND 1000000000) IS NOT TRUE THEN RAISE EXCEPTION 'planned are 40 viewers or more' USING ERRCODE = '22023'; END IF;
  RETURN QUERY
    WITH s AS MATERIALIZED (SELECT * FROM analytics.trial_samples(experiment.experiment, first, past)),
    document AS MATERIALIZED (SELECT * FROM registry.arms_of(experiment.experiment)),
    control AS (
      SELECT x.arm FROM (SELECT d.arm, d.nth FROM document d
                         UNION ALL (SELECT DISTINCT s.arm, 1000 FROM s WHERE NOT EXISTS (SELECT FROM document))) x
      ORDER BY x.arm <> 'control', x.arm <> 'holdout', x.nth, x.arm LIMIT 1),
    told AS (
      SELECT s.month, s.arm, s.metric, s.viewers::bigint AS viewers, s.total / s.viewers AS mean, c.*,
             CASE WHEN s.arm = (SELECT k.arm FROM control k) THEN 'control'
                  WHEN z.arm IS NULL THEN 'open'
                  WHEN s.metric IN ('watched', 'returned')
                       AND analytics.trial_harmed(z.viewers, z.total, z.squares, s.viewers, s.total, s.squares, guard, planned) THEN 'harmed'
                  ELSE c.decision END AS means
      FROM s LEFT JOIN s z ON z.month = s.month AND z.metric = s.metric AND z.arm = (SELECT k.arm FROM control k) AND z.arm <> s.arm
      CROSS JOIN LATERAL analytics.trial_compare(z.viewers, z.total, z.squares, s.viewers, s.total, s.squares, planned) c),
    ratio AS (
      SELECT s.month, sum(s.viewers)::bigint AS viewers,
             CASE WHEN count(d.arm) = count(*) AND coalesce(bool_and(d.since < s.first_day OR d.since IS NULL), false)
                  THEN analytics.trial_ratio(array_agg(s.viewers ORDER BY s.arm), array_agg(d.buckets ORDER BY s.arm)) END AS chance
      FROM s LEFT JOIN document d ON d.arm = s.arm WHERE s.metric = 'watched' GROUP BY 1 HAVING count(*) > 1)
    SELECT t.month, t.arm, t.metric, t.viewers, t.mean, t.difference, t.relative, t.low, t.high, t.p, t.means FROM told t
    UNION ALL
    SELECT r.month, '', 'sample_ratio', r.viewers, NULL, NULL, NULL, NULL, NULL, r.chance,
           CASE WHEN r.chance IS NULL THEN 'unknown' WHEN r.chance < 0.001 THEN 'warning' ELSE 'fits' END FROM ratio r
    ORDER BY 1, 2, 3;
END
$$;

DO $do$
DECLARE
  f regprocedure;
BEGIN
  FOREACH f IN ARRAY ARRAY[
    'analytics.trial_information(float8, float8)', 'analytics.trial_boundary(float8, float8, float8, boolean)',
    'analytics.trial_error(float8, float8, float8, float8, float8, float8)',
    'analytics.trial_compare(float8, float8, float8, float8, float8, float8, float8, float8)',
    'analytics.trial_harmed(float8, float8, float8, float8, float8, float8, float8, float8, float8)', 'analytics.trial_ln_gamma(float8)',
    'analytics.trial_ratio(float8[], float8[])', 'analytics.trial_size(float8, float8, float8, float8, float8, float8)',
    'analytics.check_experiment(text)', 'analytics.trial_samples(text, date, date)',
    'analytics.experiment(text, timestamptz, timestamptz, bigint)']::regprocedure[] LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO dvpe_analytics', f);
  END LOOP;
END
$do$;
GRANT EXECUTE ON FUNCTION analytics.experiment(text, timestamptz, timestamptz, bigint) TO dvpe_person;
-- Arithmetic: whoever may sign in may plan with it.
GRANT EXECUTE ON FUNCTION analytics.trial_size(float8, float8, float8, float8, float8, float8),
  analytics.trial_information(float8, float8), analytics.trial_boundary(float8, float8, float8, boolean),
  analytics.trial_error(float8, float8, float8, float8, float8, float8),
  analytics.trial_compare(float8, float8, float8, float8, float8, float8, float8, float8) TO dvpe_person;
