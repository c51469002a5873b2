-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- Documents and what becomes of them: drafts, reviews, signed revisions, countersignatures, keys, releases. The database
-- keeps exact bytes and signatures; whether those hold is for the nodes to say, who trust nobody else.

CREATE TABLE dvpe.draft (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organisation text NOT NULL REFERENCES dvpe.organisation,
  kind text NOT NULL,
  document text NOT NULL CHECK (document ~ '^[A-Za-z0-9_-]{1,64}$'),
  base_revision int NOT NULL,  -- what it was made from; 0: nothing
  contents text NOT NULL CHECK (octet_length(contents) <= 1048576),
  version int NOT NULL DEFAULT 1,  -- grows with each save
  state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'review', 'approved', 'stored')),
  author uuid NOT NULL REFERENCES dvpe.person,
  saved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (organisation, kind, document, author)
);

-- What was said of exactly these contents. An edit afterwards leaves it behind.
CREATE TABLE dvpe.review (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  draft uuid NOT NULL REFERENCES dvpe.draft ON DELETE CASCADE,
  version int NOT NULL,
  digest bytea NOT NULL,  -- SHA-256 of the contents
  reviewer uuid NOT NULL REFERENCES dvpe.person,
  approved boolean NOT NULL,
  remark text NOT NULL DEFAULT '' CHECK (length(remark) <= 10000),
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE dvpe.revision (
  organisation text NOT NULL REFERENCES dvpe.organisation,
  kind text NOT NULL,
  document text NOT NULL CHECK (document ~ '^[A-Za-z0-9_-]{1,64}$'),
  revision int NOT NULL CHECK (revision > 0),
  digest bytea NOT NULL,
  contents bytea NOT NULL CHECK (length(contents) <= 1048576),
  key text NOT NULL CHECK (key ~ '^[0-9a-f]{16}$'),
  signature bytea NOT NULL CHECK (length(signature) = 64),
  author uuid,  -- a person or a machine
  accepted timestamptz NOT NULL DEFAULT clock_timestamp(),
  withdrawn boolean NOT NULL DEFAULT false,  -- deleted: not for the next release
  PRIMARY KEY (organisation, kind, document, revision)
);
CREATE INDEX revision_digest ON dvpe.revision (digest);

CREATE TABLE dvpe.countersignature (
  digest bytea PRIMARY KEY,  -- of the document
  statement bytea NOT NULL CHECK (length(statement) <= 100000),
  key text NOT NULL CHECK (key ~ '^[0-9a-f]{16}$'),
  signature bytea NOT NULL CHECK (length(signature) = 64),
  person uuid NOT NULL REFERENCES dvpe.person,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE dvpe.keys_revision (
  revision int PRIMARY KEY CHECK (revision > 0),
  contents bytea NOT NULL CHECK (length(contents) <= 1048576),
  signatures jsonb NOT NULL,  -- [{"key", "signature"}]
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE dvpe.rollback_statement (
  digest bytea PRIMARY KEY,
  statement bytea NOT NULL CHECK (length(statement) <= 1048576),
  key text NOT NULL CHECK (key ~ '^[0-9a-f]{16}$'),
  signature bytea NOT NULL CHECK (length(signature) = 64),
  person uuid NOT NULL REFERENCES dvpe.person,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE dvpe.release (
  sequence bigint PRIMARY KEY CHECK (sequence > 0),
  base bigint NOT NULL,
  keys_revision int NOT NULL REFERENCES dvpe.keys_revision,
  contents bytea NOT NULL CHECK (length(contents) <= 4194304),
  key text NOT NULL CHECK (key ~ '^[0-9a-f]{16}$'),
  signature bytea NOT NULL CHECK (length(signature) = 64),
  coordinator uuid NOT NULL REFERENCES dvpe.machine,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  effective_at timestamptz,
  CHECK (base < sequence)
);

-- What nodes say of a release; the newest word of each stays.
CREATE TABLE dvpe.acknowledgement (
  node uuid NOT NULL REFERENCES dvpe.machine,
  sequence bigint NOT NULL REFERENCES dvpe.release,
  state text NOT NULL CHECK (state IN ('prepared', 'effective', 'refused')),
  reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 10000),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (node, sequence)
);

-- One coordinator at a time: what it writes carries the epoch of the lease that it held.
CREATE TABLE dvpe.lease (
  name text PRIMARY KEY,
  holder uuid REFERENCES dvpe.machine,
  epoch bigint NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL DEFAULT '-infinity'
);

DO $do$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['draft', 'review', 'revision', 'countersignature', 'keys_revision', 'rollback_statement', 'release',
                           'acknowledgement', 'lease']
  LOOP
    EXECUTE format('ALTER TABLE dvpe.%I OWNER TO dvpe_owner', t);
    EXECUTE format('ALTER TABLE dvpe.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON dvpe.%I TO dvpe_registry', t);
    EXECUTE format('CREATE POLICY registry ON dvpe.%I TO dvpe_registry USING (true)', t);
  END LOOP;
END
$do$;
INSERT INTO dvpe.lease (name) VALUES ('coordinator');
GRANT SELECT ON dvpe.organisation TO dvpe_registry;

-- ---- rights

-- Whether whoever asks may author this kind.
CREATE FUNCTION registry.may_author(kind text) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(CASE
    WHEN kind IN ('profile', 'channel', 'policy') THEN session.has_role('admin')
    WHEN kind IN ('ruleset', 'overlay', 'audience', 'content', 'experiment', 'schedule') THEN session.has_role('creator')
    WHEN kind IN ('campaign', 'creative') THEN session.has_role('advertiser')
    WHEN kind = 'media' THEN session.has_role('conditioner')
    WHEN kind IN ('plan', 'model') THEN session.has_role('coordinator')
    WHEN kind = 'hold' THEN session.has_role('creator') OR session.has_role('advertiser') OR session.has_role('ad_operations')
                          OR session.has_role('broadcaster') OR session.has_role('admin')
  END, false)
$$;
ALTER FUNCTION registry.may_author(text) OWNER TO dvpe_registry;

-- Whether whoever asks may read a document of this organisation and kind.
CREATE FUNCTION registry.may_read(organisation text, kind text) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(organisation = session.organisation() OR session.has_role('admin') OR session.has_role('coordinator')
                  OR session.has_role('node')
                  OR (kind IN ('campaign', 'creative', 'media') AND session.has_role('ad_operations')), false)
$$;
ALTER FUNCTION registry.may_read(text, text) OWNER TO dvpe_registry;
GRANT EXECUTE ON FUNCTION registry.may_author(text), registry.may_read(text, text) TO dvpe_person, dvpe_machine;

GRANT SELECT ON dvpe.draft, dvpe.review, dvpe.revision, dvpe.countersignature, dvpe.keys_revision, dvpe.rollback_statement,
  dvpe.release, dvpe.acknowledgement TO dvpe_person;
GRANT SELECT ON dvpe.revision, dvpe.countersignature, dvpe.keys_revision, dvpe.rollback_statement, dvpe.release,
  dvpe.acknowledgement, dvpe.lease TO dvpe_machine;
CREATE POLICY readers ON dvpe.draft FOR SELECT TO dvpe_person
  USING ((SELECT session.me()) IS NOT NULL AND (organisation = (SELECT session.organisation())
         OR (state <> 'draft' AND registry.may_read(organisation, kind))));
CREATE POLICY readers ON dvpe.review FOR SELECT TO dvpe_person USING (draft IN (SELECT d.id FROM dvpe.draft d));
CREATE POLICY readers ON dvpe.revision FOR SELECT TO dvpe_person, dvpe_machine USING (registry.may_read(organisation, kind));
CREATE POLICY readers ON dvpe.countersignature FOR SELECT TO dvpe_person, dvpe_machine
  USING (digest IN (SELECT r.digest FROM dvpe.revision r));
CREATE POLICY readers ON dvpe.keys_revision FOR SELECT TO dvpe_person, dvpe_machine
  USING ((SELECT session.me()) IS NOT NULL OR (SELECT session.machine()) IS NOT NULL);
-- A release names the documents of all organisations: not for advertisers.
CREATE POLICY readers ON dvpe.release FOR SELECT TO dvpe_person, dvpe_machine
  USING ((SELECT session.machine()) IS NOT NULL OR (SELECT session.has_role('admin')) OR (SELECT session.has_role('creator'))
         OR (SELECT session.has_role('broadcaster')) OR (SELECT session.has_role('ad_operations')));
CREATE POLICY readers ON dvpe.rollback_statement FOR SELECT TO dvpe_person, dvpe_machine
  USING ((SELECT session.machine()) IS NOT NULL OR (SELECT session.has_role('admin')));
CREATE POLICY readers ON dvpe.acknowledgement FOR SELECT TO dvpe_person, dvpe_machine
  USING ((SELECT session.machine()) IS NOT NULL OR (SELECT session.has_role('admin')) OR (SELECT session.has_role('broadcaster'))
         OR (SELECT session.has_role('creator')));
CREATE POLICY readers ON dvpe.lease FOR SELECT TO dvpe_machine USING ((SELECT session.machine()) IS NOT NULL);

-- ---- drafts and reviews

-- Saves what is being written; version: what the editor has, 0 for a new one. Returns the new version, or NULL when
-- somebody has saved another since. A saved draft is no longer in review or approved.
CREATE FUNCTION registry.save_draft(kind text, document text, contents text, base_revision int, version int) RETURNS int
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  org text := session.organisation();
  d dvpe.draft;
BEGIN
  IF session.me() IS NULL OR NOT registry.may_author(kind) THEN
    RAISE EXCEPTION 'you may not write documents of this kind' USING ERRCODE = '42501';
  END IF;
  IF version = 0 THEN
    INSERT INTO dvpe.draft AS n (organisation, kind, document, base_revision, contents, author)
      VALUES (org, save_draft.kind, save_draft.document, save_draft.base_revision, save_draft.contents, session.me())
      ON CONFLICT DO NOTHING RETURNING * INTO d;
    RETURN d.version;
  END IF;
  UPDATE dvpe.draft n SET contents = save_draft.contents, version = n.version + 1, state = 'draft', saved_at = clock_timestamp(),
      base_revision = save_draft.base_revision
    WHERE n.organisation = org AND n.kind = save_draft.kind AND n.document = save_draft.document AND n.author = session.me()
      AND n.version = save_draft.version
    RETURNING * INTO d;
  RETURN d.version;
END
$$;

CREATE FUNCTION registry.submit(draft uuid, version int) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE dvpe.draft d SET state = 'review' WHERE d.id = submit.draft AND d.version = submit.version AND d.author = session.me()
    AND d.state = 'draft';
  IF NOT FOUND THEN RAISE EXCEPTION 'this is not a draft of yours as it is now' USING ERRCODE = '22023'; END IF;
  PERFORM audit.append('draft.submit', submit.draft::text, NULL, to_jsonb(version));
END
$$;

-- By another person: of campaigns and creatives ad operations, else somebody who may author the kind or an admin.
CREATE FUNCTION registry.review(draft uuid, version int, approve boolean, remark text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d dvpe.draft;
BEGIN
  SELECT * INTO d FROM dvpe.draft n WHERE n.id = review.draft AND n.version = review.version AND n.state = 'review' FOR UPDATE;
  IF NOT FOUND OR NOT registry.may_read(d.organisation, d.kind) THEN
    RAISE EXCEPTION 'there is no such draft in review' USING ERRCODE = '22023';
  END IF;
  IF (d.author <> session.me()) IS NOT TRUE OR NOT (CASE WHEN d.kind IN ('campaign', 'creative') THEN session.has_role('ad_operations')
        ELSE d.organisation = session.organisation() AND (registry.may_author(d.kind) OR session.has_role('admin')) END) THEN
    RAISE EXCEPTION 'you may not review this' USING ERRCODE = '42501';
  END IF;
  INSERT INTO dvpe.review (draft, version, digest, reviewer, approved, remark)
    VALUES (d.id, d.version, sha256(convert_to(d.contents, 'UTF8')), session.me(), approve, review.remark);
  UPDATE dvpe.draft n SET state = CASE WHEN approve THEN 'approved' ELSE 'draft' END WHERE n.id = d.id;
  PERFORM audit.append('draft.review', d.kind || '/' || d.document, NULL, jsonb_build_object('approved', approve, 'version', d.version));
END
$$;

-- ---- revisions

-- Takes a signed revision: the next one of its document, of one's own organisation and role. A person's needs an approved
-- draft of exactly these bytes by another person (a hold needs none); what admins write, and what goes into the content
-- library, needs a grant for its digest.
CREATE FUNCTION registry.store(kind text, document text, revision int, contents bytea, key text, signature bytea,
                               action_grant uuid) RETURNS timestamptz
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  org text := session.organisation();
  last int;
  when_accepted timestamptz;
  d bytea := sha256(contents);
  j jsonb;
  before jsonb;
BEGIN
  IF NOT registry.may_author(kind) THEN
    RAISE EXCEPTION 'you may not store documents of this kind' USING ERRCODE = '42501';
  END IF;
  j := convert_from(contents, 'UTF8')::jsonb;
  IF (j->>'kind' = kind AND j->>'id' = document AND j->>'organisation' = org AND j->'revision' = to_jsonb(revision)) IS NOT TRUE THEN
    RAISE EXCEPTION 'the document calls itself something else' USING ERRCODE = '22023';
  END IF;
  SELECT max(r.revision) INTO last FROM dvpe.revision r
    WHERE r.organisation = org AND r.kind = store.kind AND r.document = store.document;
  IF revision <> coalesce(last, 0) + 1 THEN
    RAISE EXCEPTION 'revision % does not follow %', revision, coalesce(last, 0) USING ERRCODE = '40001';
  END IF;
  IF kind IN ('profile', 'channel', 'policy', 'content') THEN
    PERFORM session.use_grant(action_grant, session.change('document.store', encode(d, 'hex')));
  END IF;
  IF session.me() IS NOT NULL AND kind NOT IN ('profile', 'channel', 'policy', 'hold') THEN
    UPDATE dvpe.draft n SET state = 'stored' FROM dvpe.review w
      WHERE n.organisation = org AND n.kind = store.kind AND n.document = store.document AND n.author = session.me()
        AND n.state = 'approved' AND w.draft = n.id AND w.version = n.version AND w.approved AND w.digest = d
        AND w.reviewer <> session.me();
    IF NOT FOUND THEN RAISE EXCEPTION 'nobody has approved exactly this' USING ERRCODE = '42501'; END IF;
  END IF;
  SELECT convert_from(r.contents, 'UTF8')::jsonb->'body' INTO before FROM dvpe.revision r
    WHERE r.organisation = org AND r.kind = store.kind AND r.document = store.document AND r.revision = last;
  INSERT INTO dvpe.revision (organisation, kind, document, revision, digest, contents, key, signature, author)
    VALUES (org, store.kind, store.document, store.revision, d, store.contents, store.key, store.signature,
            coalesce(session.me(), session.machine()))
    RETURNING accepted INTO when_accepted;
  PERFORM audit.append('document.store', kind || '/' || document, before, j->'body');
  RETURN when_accepted;
END
$$;

-- Takes a document out: the next release is made without it, what it said stays in the history. With a grant for it.
CREATE FUNCTION registry.withdraw(kind text, document text, action_grant uuid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT registry.may_author(kind) THEN
    RAISE EXCEPTION 'you may not withdraw documents of this kind' USING ERRCODE = '42501';
  END IF;
  PERFORM session.use_grant(action_grant, session.change('document.withdraw', kind, document));
  UPDATE dvpe.revision r SET withdrawn = true
    WHERE r.organisation = session.organisation() AND r.kind = withdraw.kind AND r.document = withdraw.document AND NOT r.withdrawn;
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no such document' USING ERRCODE = '22023'; END IF;
  PERFORM audit.append('document.withdraw', kind || '/' || document, NULL, NULL);
END
$$;

-- Ad operations' second signature, for campaigns and creatives of any organisation.
CREATE FUNCTION registry.countersign(digest bytea, statement bytea, key text, signature bytea) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  r dvpe.revision;
BEGIN
  IF NOT session.has_role('ad_operations') THEN
    RAISE EXCEPTION 'only ad operations countersign' USING ERRCODE = '42501';
  END IF;
  SELECT * INTO r FROM dvpe.revision n WHERE n.digest = countersign.digest AND n.kind IN ('campaign', 'creative');
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no such campaign or creative' USING ERRCODE = '22023'; END IF;
  IF (r.author <> session.me()) IS NOT TRUE THEN
    RAISE EXCEPTION 'another person than the author countersigns' USING ERRCODE = '42501';
  END IF;
  INSERT INTO dvpe.countersignature (digest, statement, key, signature, person)
    VALUES (countersign.digest, countersign.statement, countersign.key, countersign.signature, session.me())
    ON CONFLICT ON CONSTRAINT countersignature_pkey DO UPDATE
      SET statement = excluded.statement, key = excluded.key, signature = excluded.signature, person = excluded.person,
          at = clock_timestamp();
  PERFORM audit.append('document.countersign', r.kind || '/' || r.document, NULL, convert_from(statement, 'UTF8')::jsonb);
END
$$;

-- ---- keys: the next revision, brought by an admin with a grant; the signatures of two admins stand in it
CREATE FUNCTION registry.store_keys(revision int, contents bytea, signatures jsonb, action_grant uuid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('admin') THEN RAISE EXCEPTION 'only an admin changes keys' USING ERRCODE = '42501'; END IF;
  PERFORM session.use_grant(action_grant, session.change('keys.store', encode(sha256(contents), 'hex')));
  IF revision <= coalesce((SELECT max(k.revision) FROM dvpe.keys_revision k), 0) THEN
    RAISE EXCEPTION 'there is a revision % of the keys already', revision USING ERRCODE = '40001';
  END IF;
  INSERT INTO dvpe.keys_revision (revision, contents, signatures) VALUES (store_keys.revision, store_keys.contents, store_keys.signatures);
  PERFORM audit.append('keys.store', revision::text, NULL, convert_from(contents, 'UTF8')::jsonb);
END
$$;

-- An admin's signed word that documents go back: with a grant for it.
CREATE FUNCTION registry.store_rollback(statement bytea, key text, signature bytea, action_grant uuid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d bytea := sha256(statement);
BEGIN
  IF NOT session.has_role('admin') THEN RAISE EXCEPTION 'only an admin rolls back' USING ERRCODE = '42501'; END IF;
  PERFORM session.use_grant(action_grant, session.change('release.rollback', encode(d, 'hex')));
  INSERT INTO dvpe.rollback_statement (digest, statement, key, signature, person)
    VALUES (d, store_rollback.statement, store_rollback.key, store_rollback.signature, session.me()) ON CONFLICT DO NOTHING;
  PERFORM audit.append('release.rollback', encode(d, 'hex'), NULL, convert_from(statement, 'UTF8')::jsonb);
END
$$;

-- ---- releases: by the coordinator that holds the lease

-- Takes or keeps the lease for 5 s. NULL: another holds it. Else the epoch, which grows when the holder changes.
CREATE FUNCTION registry.hold_lease() RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  l dvpe.lease;
BEGIN
  IF NOT session.has_role('coordinator') THEN RAISE EXCEPTION 'only a coordinator holds the lease' USING ERRCODE = '42501'; END IF;
  SELECT * INTO STRICT l FROM dvpe.lease WHERE name = 'coordinator' FOR UPDATE;
  IF l.holder IS DISTINCT FROM session.machine() THEN
    IF l.expires_at > clock_timestamp() THEN RETURN NULL; END IF;
    l.epoch := l.epoch + 1;
  ELSIF l.expires_at <= clock_timestamp() THEN
    l.epoch := l.epoch + 1;  -- it was away: what it began then no longer counts
  END IF;
  UPDATE dvpe.lease SET holder = session.machine(), epoch = l.epoch, expires_at = clock_timestamp() + interval '5 seconds'
    WHERE name = 'coordinator';
  RETURN l.epoch;
END
$$;

CREATE FUNCTION registry.check_epoch(epoch bigint) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM FROM dvpe.lease l WHERE l.name = 'coordinator' AND l.epoch = check_epoch.epoch AND l.holder = session.machine()
    AND l.expires_at > clock_timestamp() FOR SHARE;
  IF NOT FOUND THEN RAISE EXCEPTION 'another coordinator has taken over' USING ERRCODE = '40001'; END IF;
END
$$;

-- Compare-and-swap: base must be the newest release there is. Returns its number.
CREATE FUNCTION registry.publish(base bigint, sequence bigint, keys_revision int, contents bytea, key text, signature bytea,
                                 epoch bigint) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM registry.check_epoch(epoch);
  IF base <> coalesce((SELECT max(r.sequence) FROM dvpe.release r), 0) THEN
    RAISE EXCEPTION 'there is a newer release than %', base USING ERRCODE = '40001';
  END IF;
  IF keys_revision <> (SELECT max(k.revision) FROM dvpe.keys_revision k) THEN
    RAISE EXCEPTION 'revision % of the keys is not in force', keys_revision USING ERRCODE = '40001';
  END IF;
  INSERT INTO dvpe.release (sequence, base, keys_revision, contents, key, signature, coordinator)
    VALUES (publish.sequence, publish.base, publish.keys_revision, publish.contents, publish.key, publish.signature, session.machine());
  PERFORM audit.append('release.publish', sequence::text, to_jsonb(base), to_jsonb(encode(sha256(contents), 'hex')));
  NOTIFY dvpe_release;  -- a hint: nodes look for themselves
END
$$;

CREATE FUNCTION registry.make_effective(sequence bigint, at timestamptz, epoch bigint) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM registry.check_epoch(epoch);
  UPDATE dvpe.release r SET effective_at = make_effective.at WHERE r.sequence = make_effective.sequence AND r.effective_at IS NULL;
  IF NOT FOUND THEN RAISE EXCEPTION 'release % has its instant already', sequence USING ERRCODE = '40001'; END IF;
  PERFORM audit.append('release.effective', sequence::text, NULL, to_jsonb(at));
  NOTIFY dvpe_release;
END
$$;

CREATE FUNCTION registry.acknowledge(sequence bigint, state text, reason text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('node') THEN RAISE EXCEPTION 'only a node acknowledges' USING ERRCODE = '42501'; END IF;
  INSERT INTO dvpe.acknowledgement (node, sequence, state, reason)
    VALUES (session.machine(), acknowledge.sequence, acknowledge.state, left(acknowledge.reason, 10000))
    ON CONFLICT ON CONSTRAINT acknowledgement_pkey DO UPDATE
      SET state = excluded.state, reason = excluded.reason, at = clock_timestamp();
END
$$;

DO $do$
DECLARE
  f regprocedure;
BEGIN
  FOR f IN SELECT p.oid::regprocedure FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'registry'::regnamespace LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO dvpe_registry', f);
  END LOOP;
END
$do$;
GRANT EXECUTE ON FUNCTION registry.save_draft(text, text, text, int, int), registry.submit(uuid, int),
  registry.review(uuid, int, boolean, text), registry.countersign(bytea, bytea, text, bytea),
  registry.withdraw(text, text, uuid), registry.store_keys(int, bytea, jsonb, uuid), registry.store_rollback(bytea, text, bytea, uuid) TO dvpe_person;
GRANT EXECUTE ON FUNCTION registry.store(text, text, int, bytea, text, bytea, uuid) TO dvpe_person, dvpe_conditioner, dvpe_coordinator;
GRANT EXECUTE ON FUNCTION registry.hold_lease(), registry.publish(bigint, bigint, int, bytea, text, bytea, bigint),
  registry.make_effective(bigint, timestamptz, bigint) TO dvpe_coordinator;
GRANT EXECUTE ON FUNCTION registry.acknowledge(bigint, text, text) TO dvpe_node;
