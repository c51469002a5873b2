-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- What goes when its time is over, a few at a time so that nobody waits for it. The audit log, documents, keys and what
-- is said of viewers' privacy stay. Each part is done by the role whose tables these are.

GRANT DELETE ON dvpe.action_grant, dvpe.action_grant_change TO dvpe_identity;

-- Grants a week after they have expired (the audit log knows them), and proofs of connections that are gone.
CREATE FUNCTION session.retain() RETURNS jsonb
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  old uuid[];
  grants int;
  proofs int;
BEGIN
  old := ARRAY(SELECT g.id FROM dvpe.action_grant g WHERE g.expires_at < clock_timestamp() - interval '7 days' LIMIT 1000);
  DELETE FROM dvpe.action_grant_change c WHERE c.action_grant = ANY(old);
  DELETE FROM dvpe.action_grant g WHERE g.id = ANY(old);
  GET DIAGNOSTICS grants = ROW_COUNT;
  DELETE FROM dvpe.proof f WHERE f.started < clock_timestamp() - interval '1 hour'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = f.pid);
  GET DIAGNOSTICS proofs = ROW_COUNT;
  RETURN jsonb_build_object('grants', grants, 'proofs', proofs);
END
$$;
ALTER FUNCTION session.retain() OWNER TO dvpe_identity;
GRANT EXECUTE ON FUNCTION session.retain() TO dvpe_registry;

-- Uploads that nobody has finished within a day, and what became of jobs after 90 days.
CREATE FUNCTION registry.retain_library() RETURNS jsonb
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  uploads int;
  jobs int;
BEGIN
  DELETE FROM dvpe.blob b WHERE (b.organisation, b.digest) IN (
    SELECT x.organisation, x.digest FROM dvpe.blob x
    WHERE x.complete_at IS NULL AND x.created_at < clock_timestamp() - interval '1 day' LIMIT 10 FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS uploads = ROW_COUNT;
  DELETE FROM dvpe.job j WHERE j.id IN (
    SELECT x.id FROM dvpe.job x WHERE x.state IN ('done', 'failed') AND x.requested_at < clock_timestamp() - interval '90 days'
    LIMIT 1000 FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS jobs = ROW_COUNT;
  RETURN jsonb_build_object('uploads', uploads, 'jobs', jobs);
END
$$;
ALTER FUNCTION registry.retain_library() OWNER TO dvpe_library;
GRANT EXECUTE ON FUNCTION registry.retain_library() TO dvpe_registry;

-- By the coordinator: the above, and releases older than 90 days but for the 1,000 newest, with what nodes said of them.
-- What was removed, by kind, is audited and returned; nothing to remove leaves no trace.
CREATE FUNCTION registry.retain(epoch bigint) RETURNS jsonb
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
    FROM jsonb_each(session.retain() || registry.retain_library() || jsonb_build_object('releases', cardinality(old))) x
    WHERE x.value <> '0';
  IF removed - 'proofs' <> '{}' THEN PERFORM audit.append('retention', 'database', removed, NULL); END IF;
  RETURN removed;
END
$$;
ALTER FUNCTION registry.retain(bigint) OWNER TO dvpe_registry;
GRANT EXECUTE ON FUNCTION registry.retain(bigint) TO dvpe_coordinator;
