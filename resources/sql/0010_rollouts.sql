-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- Releases in stages: an admin says on which nodes a change goes on air first, for how long, and what must not happen
-- there. The coordinator halts by itself; going on, or back, is a person's word.

-- {"stages": [{"nodes": ["n1"], "seconds": 60}, {"percent": 50, "seconds": 120}], "guards": {"holes": 0, ...}}; no row, or no
-- stages: every change goes to all nodes at once. Its form is the coordinator's to check.
CREATE TABLE dvpe.rollout_plan (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  plan jsonb NOT NULL CHECK (length(plan::text) <= 65536),
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Releases that went wrong on their first nodes.
CREATE TABLE dvpe.rollout_halt (
  sequence bigint PRIMARY KEY REFERENCES dvpe.release,
  reason text NOT NULL CHECK (length(reason) <= 10000),
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);

DO $do$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['rollout_plan', 'rollout_halt'] LOOP
    EXECUTE format('ALTER TABLE dvpe.%I OWNER TO dvpe_owner', t);
    EXECUTE format('ALTER TABLE dvpe.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON dvpe.%I TO dvpe_registry', t);
    EXECUTE format('CREATE POLICY registry ON dvpe.%I TO dvpe_registry USING (true)', t);
    EXECUTE format('GRANT SELECT ON dvpe.%I TO dvpe_person, dvpe_machine', t);
    EXECUTE format($p$CREATE POLICY readers ON dvpe.%I FOR SELECT TO dvpe_person, dvpe_machine
      USING ((SELECT session.machine()) IS NOT NULL OR (SELECT session.has_role('admin')) OR (SELECT session.has_role('broadcaster'))
             OR (SELECT session.has_role('creator')))$p$, t);
  END LOOP;
END
$do$;

-- By an admin, with a grant for exactly this plan.
CREATE FUNCTION registry.set_rollout(plan text, action_grant uuid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  before jsonb;
BEGIN
  IF NOT session.has_role('admin') THEN RAISE EXCEPTION 'only an admin says how releases go out' USING ERRCODE = '42501'; END IF;
  PERFORM session.use_grant(action_grant, session.change('release.rollout', plan));
  SELECT p.plan INTO before FROM dvpe.rollout_plan p;
  INSERT INTO dvpe.rollout_plan AS p (plan) VALUES (set_rollout.plan::jsonb)
    ON CONFLICT ON CONSTRAINT rollout_plan_pkey DO UPDATE SET plan = excluded.plan, at = clock_timestamp();
  PERFORM audit.append('release.rollout', 'plan', before, set_rollout.plan::jsonb);
  NOTIFY dvpe_documents;
END
$$;

CREATE FUNCTION registry.halt(sequence bigint, reason text, epoch bigint) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM registry.check_epoch(epoch);
  INSERT INTO dvpe.rollout_halt (sequence, reason) VALUES (halt.sequence, left(halt.reason, 10000)) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN RETURN; END IF;
  PERFORM audit.append('release.halt', sequence::text, NULL, to_jsonb(left(reason, 10000)));
END
$$;

-- By an admin, with a grant: it goes on to the next stage after all.
CREATE FUNCTION registry.resume(sequence bigint, action_grant uuid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('admin') THEN RAISE EXCEPTION 'only an admin lets a release go on' USING ERRCODE = '42501'; END IF;
  PERFORM session.use_grant(action_grant, session.change('release.resume', sequence::text));
  DELETE FROM dvpe.rollout_halt h WHERE h.sequence = resume.sequence;
  IF NOT FOUND THEN RAISE EXCEPTION 'this release is not halted' USING ERRCODE = '22023'; END IF;
  PERFORM audit.append('release.resume', sequence::text, NULL, NULL);
  NOTIFY dvpe_documents;
END
$$;

DO $do$
DECLARE
  f text;
BEGIN
  FOREACH f IN ARRAY ARRAY['set_rollout(text, uuid)', 'halt(bigint, text, bigint)', 'resume(bigint, uuid)'] LOOP
    EXECUTE format('ALTER FUNCTION registry.%s OWNER TO dvpe_registry', f);
  END LOOP;
END
$do$;
GRANT EXECUTE ON FUNCTION registry.set_rollout(text, uuid), registry.resume(bigint, uuid) TO dvpe_person;
GRANT EXECUTE ON FUNCTION registry.halt(bigint, text, bigint) TO dvpe_coordinator;
