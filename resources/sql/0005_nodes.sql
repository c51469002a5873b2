-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- How releases reach nodes: where each node listens, from which moment a release is in force, when a revision may go
-- live, and what the coordinator had to leave out.

CREATE TABLE dvpe.node_presence (
  node uuid PRIMARY KEY REFERENCES dvpe.machine,
  endpoint text NOT NULL CHECK (endpoint ~ '^tcp://[A-Za-z0-9.:*\[\]-]{1,200}$' OR endpoint = ''),
  curve text NOT NULL CHECK (length(curve) IN (0, 40)),  -- its public key in Z85; nodes and coordinators trust the keys document instead
  version text NOT NULL CHECK (length(version) <= 64),
  in_force bigint NOT NULL DEFAULT 0,  -- 0: no release yet
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The coordinator's signed word from which moment on a release is in force, for nodes that it could not tell.
CREATE TABLE dvpe.effective_statement (
  sequence bigint PRIMARY KEY REFERENCES dvpe.release,
  statement bytea NOT NULL CHECK (length(statement) <= 65536),
  key text NOT NULL CHECK (key ~ '^[0-9a-f]{16}$'),
  signature bytea NOT NULL CHECK (length(signature) = 64)
);

-- Every document once: what the coordinator begins to look from. Filled by a trigger.
CREATE TABLE dvpe.document_name (
  organisation text NOT NULL REFERENCES dvpe.organisation,
  kind text NOT NULL,
  document text NOT NULL,
  PRIMARY KEY (organisation, kind, document)
);

-- Revisions that the coordinator could not put into a release, and why; gone when they are in one.
CREATE TABLE dvpe.left_out (
  organisation text NOT NULL REFERENCES dvpe.organisation,
  kind text NOT NULL,
  document text NOT NULL,
  revision int NOT NULL,
  reason text NOT NULL CHECK (length(reason) <= 10000),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (organisation, kind, document)
);

DO $do$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['node_presence', 'effective_statement', 'document_name', 'left_out'] LOOP
    EXECUTE format('ALTER TABLE dvpe.%I OWNER TO dvpe_owner', t);
    EXECUTE format('ALTER TABLE dvpe.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON dvpe.%I TO dvpe_registry', t);
    EXECUTE format('CREATE POLICY registry ON dvpe.%I TO dvpe_registry USING (true)', t);
  END LOOP;
END
$do$;

-- When the revision may go into a release; NULL: at once.
ALTER TABLE dvpe.revision ADD COLUMN live_at timestamptz;

GRANT SELECT ON dvpe.node_presence, dvpe.left_out TO dvpe_person, dvpe_machine;
GRANT SELECT ON dvpe.effective_statement TO dvpe_machine;
CREATE POLICY readers ON dvpe.node_presence FOR SELECT TO dvpe_person, dvpe_machine
  USING ((SELECT session.machine()) IS NOT NULL OR (SELECT session.has_role('admin')) OR (SELECT session.has_role('broadcaster'))
         OR (SELECT session.has_role('creator')));
CREATE POLICY readers ON dvpe.effective_statement FOR SELECT TO dvpe_machine USING ((SELECT session.machine()) IS NOT NULL);
CREATE POLICY readers ON dvpe.left_out FOR SELECT TO dvpe_person, dvpe_machine USING (registry.may_read(organisation, kind));
-- Coordinators name nodes as releases do.
GRANT SELECT (id, name) ON dvpe.machine TO dvpe_coordinator;
CREATE POLICY coordinators ON dvpe.machine FOR SELECT TO dvpe_coordinator USING ((SELECT session.has_role('coordinator')));

INSERT INTO dvpe.document_name SELECT DISTINCT organisation, kind, document FROM dvpe.revision;
CREATE FUNCTION registry.note_document() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO dvpe.document_name VALUES (NEW.organisation, NEW.kind, NEW.document) ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$;
ALTER FUNCTION registry.note_document() OWNER TO dvpe_registry;
CREATE TRIGGER note AFTER INSERT ON dvpe.revision FOR EACH ROW EXECUTE FUNCTION registry.note_document();

-- What could be in the next release: of each document the newest revision that is not withdrawn and may be live by now.
CREATE FUNCTION registry.candidates(OUT organisation text, OUT kind text, OUT document text, OUT revision int, OUT digest bytea,
                                    OUT bytes int, OUT accepted timestamptz) RETURNS SETOF record
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('coordinator') THEN RAISE EXCEPTION 'only a coordinator asks this' USING ERRCODE = '42501'; END IF;
  RETURN QUERY SELECT n.organisation, n.kind, n.document, r.revision, r.digest, length(r.contents), r.accepted
    FROM dvpe.document_name n CROSS JOIN LATERAL (
      SELECT * FROM dvpe.revision v
      WHERE v.organisation = n.organisation AND v.kind = n.kind AND v.document = n.document AND NOT v.withdrawn
        AND (v.live_at IS NULL OR v.live_at <= clock_timestamp())
      ORDER BY v.revision DESC LIMIT 1) r
    ORDER BY n.kind, n.document, r.accepted;
END
$$;

-- What must not wait for the coordinator's next look. A hint, like every NOTIFY here.
CREATE FUNCTION registry.hint() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NOTIFY dvpe_documents;
  RETURN NULL;
END
$$;
ALTER FUNCTION registry.hint() OWNER TO dvpe_registry;
CREATE TRIGGER hint AFTER INSERT OR UPDATE ON dvpe.revision FOR EACH STATEMENT EXECUTE FUNCTION registry.hint();
CREATE TRIGGER hint AFTER INSERT OR UPDATE ON dvpe.countersignature FOR EACH STATEMENT EXECUTE FUNCTION registry.hint();
CREATE TRIGGER hint AFTER INSERT ON dvpe.keys_revision FOR EACH STATEMENT EXECUTE FUNCTION registry.hint();
CREATE TRIGGER hint AFTER INSERT ON dvpe.rollback_statement FOR EACH STATEMENT EXECUTE FUNCTION registry.hint();

-- A node says that it is there, every few seconds.
CREATE FUNCTION registry.present(endpoint text, curve text, version text, in_force bigint) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('node') THEN RAISE EXCEPTION 'only a node is present' USING ERRCODE = '42501'; END IF;
  INSERT INTO dvpe.node_presence AS p (node, endpoint, curve, version, in_force)
    VALUES (session.machine(), present.endpoint, present.curve, present.version, present.in_force)
    ON CONFLICT ON CONSTRAINT node_presence_pkey DO UPDATE
      SET endpoint = excluded.endpoint, curve = excluded.curve, version = excluded.version, in_force = excluded.in_force,
          seen_at = clock_timestamp();
END
$$;

DROP FUNCTION registry.make_effective(bigint, timestamptz, bigint);

-- Once for each release: from which moment on it is in force.
CREATE FUNCTION registry.make_effective(sequence bigint, at timestamptz, statement bytea, key text, signature bytea, epoch bigint)
  RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM registry.check_epoch(epoch);
  UPDATE dvpe.release r SET effective_at = make_effective.at WHERE r.sequence = make_effective.sequence AND r.effective_at IS NULL;
  IF NOT FOUND THEN RAISE EXCEPTION 'release % has its moment already', sequence USING ERRCODE = '40001'; END IF;
  INSERT INTO dvpe.effective_statement (sequence, statement, key, signature)
    VALUES (make_effective.sequence, make_effective.statement, make_effective.key, make_effective.signature);
  PERFORM audit.append('release.effective', sequence::text, NULL, to_jsonb(at));
  NOTIFY dvpe_release;
END
$$;

-- The author says when a revision of theirs goes live: before it has, and as often as they like.
CREATE FUNCTION registry.schedule(kind text, document text, revision int, at timestamptz) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  before timestamptz;
BEGIN
  IF session.me() IS NULL OR NOT registry.may_author(kind) THEN
    RAISE EXCEPTION 'you may not schedule documents of this kind' USING ERRCODE = '42501';
  END IF;
  SELECT r.live_at INTO before FROM dvpe.revision r
    WHERE r.organisation = session.organisation() AND r.kind = schedule.kind AND r.document = schedule.document
      AND r.revision = schedule.revision AND NOT r.withdrawn FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no such revision' USING ERRCODE = '22023'; END IF;
  UPDATE dvpe.revision r SET live_at = schedule.at
    WHERE r.organisation = session.organisation() AND r.kind = schedule.kind AND r.document = schedule.document
      AND r.revision = schedule.revision;
  PERFORM audit.append('document.schedule', kind || '/' || document, to_jsonb(before), to_jsonb(at));
END
$$;

-- What the coordinator left out of the newest release, whole: [{"organisation", "kind", "document", "revision", "reason"}].
CREATE FUNCTION registry.leave_out(documents jsonb, epoch bigint) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM registry.check_epoch(epoch);
  DELETE FROM dvpe.left_out l WHERE NOT EXISTS (
    SELECT FROM jsonb_to_recordset(documents) AS d(organisation text, kind text, document text, revision int, reason text)
    WHERE d.organisation = l.organisation AND d.kind = l.kind AND d.document = l.document AND d.revision = l.revision
      AND d.reason = l.reason);
  INSERT INTO dvpe.left_out (organisation, kind, document, revision, reason)
    SELECT d.organisation, d.kind, d.document, d.revision, left(d.reason, 10000)
    FROM jsonb_to_recordset(documents) AS d(organisation text, kind text, document text, revision int, reason text)
    ON CONFLICT DO NOTHING;
END
$$;

-- A node uses up the grant of somebody who has sent it a sensitive command: exactly that command, to exactly this node.
CREATE FUNCTION session.use_grant_for(action_grant uuid, person text, change text) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  who uuid;
BEGIN
  IF NOT session.has_role('node') THEN RAISE EXCEPTION 'only a node obeys commands' USING ERRCODE = '42501'; END IF;
  UPDATE dvpe.action_grant_change c SET used_at = clock_timestamp()
    FROM dvpe.action_grant g JOIN dvpe.person p ON p.id = g.person
    WHERE c.action_grant = use_grant_for.action_grant AND c.change = use_grant_for.change AND c.used_at IS NULL
      AND g.id = c.action_grant AND p.name = use_grant_for.person AND p.disabled_at IS NULL
      AND g.expires_at > clock_timestamp()
    RETURNING g.person INTO who;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM audit.append('node.command', use_grant_for.change, NULL,
                       jsonb_build_object('person', use_grant_for.person, 'grant', use_grant_for.action_grant));
  RETURN true;
END
$$;
ALTER FUNCTION session.use_grant_for(uuid, text, text) OWNER TO dvpe_identity;
GRANT EXECUTE ON FUNCTION session.use_grant_for(uuid, text, text) TO dvpe_node;

DO $do$
DECLARE
  f text;
BEGIN
  FOREACH f IN ARRAY ARRAY['candidates()', 'present(text, text, text, bigint)', 'make_effective(bigint, timestamptz, bytea, text, bytea, bigint)',
                           'schedule(text, text, int, timestamptz)', 'leave_out(jsonb, bigint)']
  LOOP
    EXECUTE format('ALTER FUNCTION registry.%s OWNER TO dvpe_registry', f);
  END LOOP;
END
$do$;
GRANT EXECUTE ON FUNCTION registry.present(text, text, text, bigint) TO dvpe_node;
GRANT EXECUTE ON FUNCTION registry.make_effective(bigint, timestamptz, bytea, text, bytea, bigint), registry.leave_out(jsonb, bigint),
  registry.candidates()
  TO dvpe_coordinator;
GRANT EXECUTE ON FUNCTION registry.schedule(text, text, int, timestamptz) TO dvpe_person;
