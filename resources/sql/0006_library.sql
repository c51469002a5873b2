-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- Files and what is made of them: blobs (sources and conditioned media, by digest), the content library, and the jobs of
-- the conditioners. All of it belongs to organisations, also in its keys: two that have the same file have two rows, and
-- neither learns of the other.

DO $do$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'dvpe_library') THEN
    CREATE ROLE dvpe_library NOLOGIN;  -- definer: blobs, library items, jobs
  END IF;
END
$do$;
ALTER DEFAULT PRIVILEGES FOR ROLE dvpe_library REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE dvpe_library REVOKE USAGE ON TYPES FROM PUBLIC;
GRANT USAGE ON SCHEMA dvpe, session, registry, audit TO dvpe_library;
GRANT EXECUTE ON FUNCTION session.me(), session.machine(), session.organisation(), session.has_role(text), session.change(text[]),
  session.use_grant(uuid, text), audit.append(text, text, jsonb, jsonb), registry.may_author(text) TO dvpe_library;

-- How much an organisation may keep. Who has no row yet has the default.
CREATE TABLE dvpe.blob_quota (
  organisation text PRIMARY KEY REFERENCES dvpe.organisation,
  bytes bigint NOT NULL DEFAULT 53687091200 CHECK (bytes >= 0)  -- 50 GiB
);

CREATE TABLE dvpe.blob (
  organisation text NOT NULL REFERENCES dvpe.organisation,
  digest bytea NOT NULL CHECK (length(digest) = 32),  -- SHA-256; whoever reads it checks
  bytes bigint NOT NULL CHECK (bytes BETWEEN 1 AND 8589934592),
  media_type text NOT NULL CHECK (media_type ~ '^[a-z0-9.+-]{1,50}/[a-z0-9.+-]{1,50}$'),
  author uuid NOT NULL,  -- a person or a machine
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  complete_at timestamptz,
  PRIMARY KEY (organisation, digest)
);
CREATE INDEX blob_digest ON dvpe.blob (digest);

-- Pieces of 1 MiB; the last one may be shorter.
CREATE TABLE dvpe.blob_chunk (
  organisation text NOT NULL,
  digest bytea NOT NULL,
  n int NOT NULL CHECK (n >= 0),
  data bytea NOT NULL CHECK (length(data) BETWEEN 1 AND 1048576),
  PRIMARY KEY (organisation, digest, n),
  FOREIGN KEY (organisation, digest) REFERENCES dvpe.blob ON DELETE CASCADE
);
ALTER TABLE dvpe.blob_chunk ALTER COLUMN data SET STORAGE EXTERNAL;  -- media do not shrink

-- The content library. Searched by words of title and tags, in any language ("simple": no stems): registry.find_items.
CREATE TABLE dvpe.library_item (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organisation text NOT NULL REFERENCES dvpe.organisation,
  kind text NOT NULL CHECK (kind IN ('content', 'creative')),
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  source bytea NOT NULL CHECK (length(source) = 32),  -- a blob of the same organisation
  tags text[] NOT NULL DEFAULT '{}' CHECK (cardinality(tags) <= 50 AND octet_length(tags::text) <= 5000),
  author uuid NOT NULL REFERENCES dvpe.person,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  deleted_at timestamptz,
  words tsvector NOT NULL
);
CREATE INDEX library_item_words ON dvpe.library_item USING gin (words);
CREATE INDEX library_item_organisation ON dvpe.library_item (organisation);

-- What conditioners are asked to make. A lease is of 60 s and grows with each word of progress; three tries at most.
CREATE TABLE dvpe.job (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organisation text NOT NULL REFERENCES dvpe.organisation,
  source bytea NOT NULL CHECK (length(source) = 32),
  media text NOT NULL CHECK (media ~ '^[A-Za-z0-9_-]{1,64}$'),      -- id of the media document to make
  profile text NOT NULL CHECK (profile ~ '^[A-Za-z0-9_-]{1,64}$'),  -- id of the profile to make it for
  state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'leased', 'done', 'failed')),
  holder uuid REFERENCES dvpe.machine,
  lease_until timestamptz,
  attempts int NOT NULL DEFAULT 0,
  progress int NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
  reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 10000),
  result jsonb CHECK (length(result::text) <= 100000),
  requested_by uuid NOT NULL REFERENCES dvpe.person,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((state = 'leased') = (holder IS NOT NULL AND lease_until IS NOT NULL))
);
CREATE INDEX job_open ON dvpe.job (requested_at) WHERE state IN ('queued', 'leased');
CREATE INDEX job_organisation ON dvpe.job (organisation);

DO $do$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['blob_quota', 'blob', 'blob_chunk', 'library_item', 'job'] LOOP
    EXECUTE format('ALTER TABLE dvpe.%I OWNER TO dvpe_owner', t);
    EXECUTE format('ALTER TABLE dvpe.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON dvpe.%I TO dvpe_library', t);
    EXECUTE format('CREATE POLICY library ON dvpe.%I TO dvpe_library USING (true)', t);
  END LOOP;
END
$do$;

-- ---- who reads what

GRANT SELECT ON dvpe.blob_quota, dvpe.blob, dvpe.blob_chunk, dvpe.library_item, dvpe.job TO dvpe_person;
GRANT SELECT ON dvpe.blob, dvpe.blob_chunk, dvpe.job TO dvpe_machine;
CREATE POLICY readers ON dvpe.blob_quota FOR SELECT TO dvpe_person
  USING (organisation = (SELECT session.organisation()) OR (SELECT session.has_role('admin')));
CREATE POLICY readers ON dvpe.library_item FOR SELECT TO dvpe_person
  USING (organisation = (SELECT session.organisation()) OR (SELECT session.has_role('admin'))
         OR (kind = 'creative' AND (SELECT session.has_role('ad_operations'))));
CREATE POLICY readers ON dvpe.job FOR SELECT TO dvpe_person
  USING (organisation = (SELECT session.organisation()) OR (SELECT session.has_role('admin')));
CREATE POLICY machines ON dvpe.job FOR SELECT TO dvpe_machine USING ((SELECT session.machine()) IS NOT NULL);
DO $do$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['blob', 'blob_chunk'] LOOP
    EXECUTE format($p$CREATE POLICY readers ON dvpe.%I FOR SELECT TO dvpe_person
      USING (organisation = (SELECT session.organisation()) OR (SELECT session.has_role('admin'))
             OR ((SELECT session.has_role('ad_operations'))
                 AND organisation IN (SELECT o.id FROM dvpe.organisation o WHERE NOT o.operator)))$p$, t);
    EXECUTE format('CREATE POLICY machines ON dvpe.%I FOR SELECT TO dvpe_machine USING ((SELECT session.machine()) IS NOT NULL)', t);
  END LOOP;
END
$do$;

-- ---- blobs

CREATE FUNCTION registry.may_upload() RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT session.has_role('creator') OR session.has_role('advertiser') OR session.has_role('admin') OR session.has_role('conditioner')
$$;

-- Says what will come. True: it is here already, whole; false: send its chunks (those that are here need not be sent
-- again), then finish_blob.
CREATE FUNCTION registry.begin_blob(digest bytea, bytes bigint, media_type text) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  org text := session.organisation();
  b dvpe.blob;
  quota bigint;
BEGIN
  IF NOT registry.may_upload() THEN RAISE EXCEPTION 'you may not upload' USING ERRCODE = '42501'; END IF;
  INSERT INTO dvpe.blob_quota (organisation) VALUES (org) ON CONFLICT DO NOTHING;
  SELECT q.bytes INTO STRICT quota FROM dvpe.blob_quota q WHERE q.organisation = org FOR UPDATE;  -- one at a time
  SELECT * INTO b FROM dvpe.blob x WHERE x.organisation = org AND x.digest = begin_blob.digest;
  IF FOUND THEN
    IF b.bytes <> begin_blob.bytes THEN
      RAISE EXCEPTION 'this file was announced with another length' USING ERRCODE = '22023';
    END IF;
    RETURN b.complete_at IS NOT NULL;
  END IF;
  IF begin_blob.bytes > quota - (SELECT coalesce(sum(x.bytes), 0) FROM dvpe.blob x WHERE x.organisation = org) THEN
    RAISE EXCEPTION 'your organisation may keep % bytes, and this file would be more', quota USING ERRCODE = '22023';
  END IF;
  INSERT INTO dvpe.blob (organisation, digest, bytes, media_type, author)
    VALUES (org, begin_blob.digest, begin_blob.bytes, begin_blob.media_type, coalesce(session.me(), session.machine()));
  PERFORM audit.append('blob.begin', encode(digest, 'hex'), NULL, jsonb_build_object('bytes', bytes, 'media_type', media_type));
  RETURN false;
END
$$;

-- One piece, counted from 0; sent again it takes the former's place.
CREATE FUNCTION registry.put_chunk(digest bytea, n int, data bytea) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  org text := session.organisation();
  b dvpe.blob;
BEGIN
  IF NOT registry.may_upload() THEN RAISE EXCEPTION 'you may not upload' USING ERRCODE = '42501'; END IF;
  SELECT * INTO b FROM dvpe.blob x WHERE x.organisation = org AND x.digest = put_chunk.digest AND x.complete_at IS NULL FOR SHARE;
  IF NOT FOUND THEN RAISE EXCEPTION 'no such upload has begun' USING ERRCODE = '22023'; END IF;
  IF (n >= 0 AND length(data) = least(1048576, b.bytes - n::bigint * 1048576)) IS NOT TRUE THEN
    RAISE EXCEPTION 'this is no chunk of that file' USING ERRCODE = '22023';
  END IF;
  INSERT INTO dvpe.blob_chunk AS c (organisation, digest, n, data) VALUES (org, put_chunk.digest, put_chunk.n, put_chunk.data)
    ON CONFLICT ON CONSTRAINT blob_chunk_pkey DO UPDATE SET data = excluded.data;
END
$$;

-- All chunks are here: nobody changes them any more. Whether they have this digest is for their readers to see.
CREATE FUNCTION registry.finish_blob(digest bytea) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  org text := session.organisation();
  b dvpe.blob;
BEGIN
  IF NOT registry.may_upload() THEN RAISE EXCEPTION 'you may not upload' USING ERRCODE = '42501'; END IF;
  SELECT * INTO b FROM dvpe.blob x WHERE x.organisation = org AND x.digest = finish_blob.digest FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'no such upload has begun' USING ERRCODE = '22023'; END IF;
  IF b.complete_at IS NOT NULL THEN RETURN; END IF;
  IF (SELECT (count(*) = (b.bytes + 1048575) / 1048576 AND sum(length(c.data)) = b.bytes) IS NOT TRUE FROM dvpe.blob_chunk c
      WHERE c.organisation = org AND c.digest = finish_blob.digest) THEN
    RAISE EXCEPTION 'chunks of this file are missing' USING ERRCODE = '22023';
  END IF;
  UPDATE dvpe.blob x SET complete_at = clock_timestamp() WHERE x.organisation = org AND x.digest = finish_blob.digest;
  PERFORM audit.append('blob.store', encode(digest, 'hex'), NULL, jsonb_build_object('bytes', b.bytes, 'media_type', b.media_type));
END
$$;

-- Whether the newest revision of a document of the organisation, not withdrawn, speaks of this blob.
CREATE FUNCTION registry.names_blob(organisation text, digest bytea) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT EXISTS (
    SELECT FROM dvpe.revision r WHERE r.organisation = $1 AND NOT r.withdrawn
      AND position(convert_to(encode($2, 'hex'), 'UTF8') IN r.contents) > 0
      AND NOT EXISTS (SELECT FROM dvpe.revision later WHERE later.organisation = r.organisation AND later.kind = r.kind
                      AND later.document = r.document AND later.revision > r.revision))
$$;
ALTER FUNCTION registry.names_blob(text, bytea) OWNER TO dvpe_registry;
GRANT EXECUTE ON FUNCTION registry.names_blob(text, bytea) TO dvpe_library;

-- Deletes one's organisation's copy: with a grant, unless it is one's own upload that never became whole. Refused while
-- documents in force, library items or open jobs of the organisation name it.
CREATE FUNCTION registry.drop_blob(digest bytea, action_grant uuid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  org text := session.organisation();
  b dvpe.blob;
BEGIN
  IF NOT registry.may_upload() THEN RAISE EXCEPTION 'you may not delete files' USING ERRCODE = '42501'; END IF;
  SELECT * INTO b FROM dvpe.blob x WHERE x.organisation = org AND x.digest = drop_blob.digest FOR UPDATE;
  IF (b.complete_at IS NULL AND b.author = coalesce(session.me(), session.machine())) IS NOT TRUE THEN
    IF session.me() IS NULL THEN RAISE EXCEPTION 'only people delete files' USING ERRCODE = '42501'; END IF;
    PERFORM session.use_grant(action_grant, session.change('blob.drop', encode(digest, 'hex')));
  END IF;
  IF b.digest IS NULL THEN RAISE EXCEPTION 'there is no such file' USING ERRCODE = '22023'; END IF;
  IF registry.names_blob(org, digest)
     OR EXISTS (SELECT FROM dvpe.library_item i WHERE i.organisation = org AND i.source = drop_blob.digest AND i.deleted_at IS NULL)
     OR EXISTS (SELECT FROM dvpe.job j WHERE j.organisation = org AND j.source = drop_blob.digest AND j.state IN ('queued', 'leased')) THEN
    RAISE EXCEPTION 'this file is in use' USING ERRCODE = '55006';
  END IF;
  DELETE FROM dvpe.blob x WHERE x.organisation = org AND x.digest = drop_blob.digest;
  PERFORM audit.append('blob.drop', encode(digest, 'hex'), jsonb_build_object('bytes', b.bytes, 'media_type', b.media_type), NULL);
END
$$;

CREATE FUNCTION registry.set_quota(organisation text, bytes bigint, action_grant uuid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  before bigint;
BEGIN
  IF NOT session.has_role('admin') THEN RAISE EXCEPTION 'only an admin sets quotas' USING ERRCODE = '42501'; END IF;
  PERFORM session.use_grant(action_grant, session.change('quota.set', organisation, bytes::text));
  SELECT q.bytes INTO before FROM dvpe.blob_quota q WHERE q.organisation = set_quota.organisation FOR UPDATE;
  INSERT INTO dvpe.blob_quota AS q (organisation, bytes) VALUES (set_quota.organisation, set_quota.bytes)
    ON CONFLICT ON CONSTRAINT blob_quota_pkey DO UPDATE SET bytes = excluded.bytes;
  PERFORM audit.append('quota.set', organisation, to_jsonb(before), to_jsonb(bytes));
END
$$;

-- ---- the content library: content is creators', creatives are advertisers'

CREATE FUNCTION registry.words_of(title text, tags text[]) RETURNS tsvector
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
  AS $$ SELECT to_tsvector('pg_catalog.simple'::regconfig, title || ' ' || array_to_string(tags, ' ')) $$;

-- With a grant for exactly this.
CREATE FUNCTION registry.publish_item(kind text, title text, source bytea, tags text[], action_grant uuid) RETURNS uuid
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  org text := session.organisation();
  made uuid;
BEGIN
  IF (kind IN ('content', 'creative') AND registry.may_author(kind)) IS NOT TRUE THEN
    RAISE EXCEPTION 'you may not publish this to the library' USING ERRCODE = '42501';
  END IF;
  PERFORM session.use_grant(action_grant,
    session.change(VARIADIC ARRAY['library.publish', kind, title, encode(source, 'hex')] || tags));
  PERFORM FROM dvpe.blob b WHERE b.organisation = org AND b.digest = publish_item.source AND b.complete_at IS NOT NULL FOR SHARE;
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no such file' USING ERRCODE = '22023'; END IF;
  INSERT INTO dvpe.library_item AS i (organisation, kind, title, source, tags, author, words)
    VALUES (org, publish_item.kind, publish_item.title, publish_item.source, publish_item.tags, session.me(),
            registry.words_of(publish_item.title, publish_item.tags))
    RETURNING i.id INTO made;
  PERFORM audit.append('library.publish', made::text, NULL, jsonb_build_object('kind', kind, 'title', title,
    'source', encode(source, 'hex'), 'tags', to_jsonb(tags)));
  RETURN made;
END
$$;

-- Other words for it; what it is stays.
CREATE FUNCTION registry.describe_item(item uuid, title text, tags text[]) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  i dvpe.library_item;
BEGIN
  IF session.me() IS NULL OR NOT (registry.may_author('content') OR registry.may_author('creative')) THEN
    RAISE EXCEPTION 'you may not change the library' USING ERRCODE = '42501';
  END IF;
  SELECT * INTO i FROM dvpe.library_item x WHERE x.id = item AND x.organisation = session.organisation() AND x.deleted_at IS NULL
    AND registry.may_author(x.kind) FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no such item' USING ERRCODE = '22023'; END IF;
  UPDATE dvpe.library_item x SET title = describe_item.title, tags = describe_item.tags, updated_at = clock_timestamp(),
      words = registry.words_of(describe_item.title, describe_item.tags)
    WHERE x.id = item;
  PERFORM audit.append('library.describe', item::text, jsonb_build_object('title', i.title, 'tags', to_jsonb(i.tags)),
    jsonb_build_object('title', title, 'tags', to_jsonb(tags)));
END
$$;

-- It stays in the table, and in what admins find; with a grant.
CREATE FUNCTION registry.delete_item(item uuid, action_grant uuid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  i dvpe.library_item;
BEGIN
  IF NOT (registry.may_author('content') OR registry.may_author('creative')) THEN
    RAISE EXCEPTION 'you may not delete from the library' USING ERRCODE = '42501';
  END IF;
  PERFORM session.use_grant(action_grant, session.change('library.delete', item::text));
  UPDATE dvpe.library_item x SET deleted_at = clock_timestamp() WHERE x.id = item AND x.organisation = session.organisation()
    AND x.deleted_at IS NULL AND registry.may_author(x.kind) RETURNING x.* INTO i;
  IF i.id IS NULL THEN RAISE EXCEPTION 'there is no such item' USING ERRCODE = '22023'; END IF;
  PERFORM audit.append('library.delete', item::text, jsonb_build_object('kind', i.kind, 'title', i.title,
    'source', encode(i.source, 'hex'), 'tags', to_jsonb(i.tags)), NULL);
END
$$;

-- Items with all of these words ("..." and - as in a web search; '': all), newest first. A function, because under row
-- security a reader's own query cannot use the index of words.
CREATE FUNCTION registry.find_items(search text, deleted boolean, most int) RETURNS SETOF dvpe.library_item
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT i.* FROM dvpe.library_item i
  WHERE (i.organisation = (SELECT session.organisation()) OR (SELECT session.has_role('admin'))
         OR (i.kind = 'creative' AND (SELECT session.has_role('ad_operations'))))
    AND (search = '' OR i.words @@ websearch_to_tsquery('pg_catalog.simple'::regconfig, search))
    AND (deleted OR i.deleted_at IS NULL)
  ORDER BY i.updated_at DESC, i.id LIMIT least(most, 1000)
$$;

-- ---- conditioning jobs

-- Asks for `media`, made from one's organisation's file for a profile. At most 100 open ones of an organisation.
CREATE FUNCTION registry.request_job(source bytea, media text, profile text) RETURNS uuid
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  org text := session.organisation();
  made uuid;
BEGIN
  IF NOT (session.has_role('creator') OR session.has_role('advertiser')) THEN
    RAISE EXCEPTION 'you may not ask for conditioning' USING ERRCODE = '42501';
  END IF;
  PERFORM FROM dvpe.blob b WHERE b.organisation = org AND b.digest = request_job.source AND b.complete_at IS NOT NULL FOR SHARE;
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no such file' USING ERRCODE = '22023'; END IF;
  IF (SELECT count(*) FROM dvpe.job j WHERE j.organisation = org AND j.state IN ('queued', 'leased')) >= 100 THEN
    RAISE EXCEPTION 'your organisation has 100 open jobs already' USING ERRCODE = '22023';
  END IF;
  INSERT INTO dvpe.job AS j (organisation, source, media, profile, requested_by)
    VALUES (org, request_job.source, request_job.media, request_job.profile, session.me()) RETURNING j.id INTO made;
  PERFORM audit.append('job.request', made::text, NULL, jsonb_build_object('media', media, 'profile', profile, 'source', encode(source, 'hex')));
  NOTIFY dvpe_job;  -- a hint
  RETURN made;
END
$$;

-- The next job for this conditioner, for 60 s; no row: there is none. Organisations take turns: who has fewest at work
-- comes first. Jobs whose machine went away come again; after three tries they have failed.
CREATE FUNCTION registry.lease_job(OUT job uuid, OUT organisation text, OUT source bytea, OUT media text, OUT profile text, OUT attempt int)
  RETURNS SETOF record
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  l dvpe.job;
BEGIN
  IF NOT session.has_role('conditioner') THEN RAISE EXCEPTION 'only a conditioner takes jobs' USING ERRCODE = '42501'; END IF;
  FOR l IN UPDATE dvpe.job j SET state = 'failed', holder = NULL, lease_until = NULL, changed_at = clock_timestamp(),
      reason = 'the machine that worked on it went away, three times'
    WHERE j.state = 'leased' AND j.lease_until < clock_timestamp() AND j.attempts >= 3 RETURNING j.*
  LOOP
    PERFORM audit.append('job.fail', l.id::text, NULL, to_jsonb(l.reason));
  END LOOP;
  SELECT * INTO l FROM dvpe.job j
    WHERE (j.state = 'queued' OR (j.state = 'leased' AND j.lease_until < clock_timestamp())) AND j.attempts < 3
    ORDER BY (SELECT count(*) FROM dvpe.job o WHERE o.organisation = j.organisation AND o.lease_until >= clock_timestamp()), j.requested_at
    LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN; END IF;
  UPDATE dvpe.job j SET state = 'leased', holder = session.machine(), lease_until = clock_timestamp() + interval '60 seconds',
      attempts = j.attempts + 1, progress = 0, changed_at = clock_timestamp()
    WHERE j.id = l.id;
  job := l.id; organisation := l.organisation; source := l.source; media := l.media; profile := l.profile; attempt := l.attempts + 1;
  RETURN NEXT;
END
$$;

-- Keeps the lease for 60 s more. False: the job is no longer this machine's (cancelled, or taken over): stop.
CREATE FUNCTION registry.job_progress(job uuid, percent int) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('conditioner') THEN RAISE EXCEPTION 'only a conditioner works on jobs' USING ERRCODE = '42501'; END IF;
  UPDATE dvpe.job j SET progress = least(greatest(percent, 0), 100), lease_until = clock_timestamp() + interval '60 seconds',
      changed_at = clock_timestamp()
    WHERE j.id = job_progress.job AND j.state = 'leased' AND j.holder = session.machine();
  RETURN FOUND;
END
$$;

CREATE FUNCTION registry.finish_job(job uuid, result jsonb) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('conditioner') THEN RAISE EXCEPTION 'only a conditioner works on jobs' USING ERRCODE = '42501'; END IF;
  UPDATE dvpe.job j SET state = 'done', holder = NULL, lease_until = NULL, progress = 100, reason = '', result = finish_job.result,
      changed_at = clock_timestamp()
    WHERE j.id = finish_job.job AND j.state = 'leased' AND j.holder = session.machine();
  IF NOT FOUND THEN RAISE EXCEPTION 'this job is no longer yours' USING ERRCODE = '40001'; END IF;
  PERFORM audit.append('job.finish', job::text, NULL, result);
END
$$;

-- retry: it may go better elsewhere or later, so it is queued again while tries are left.
CREATE FUNCTION registry.fail_job(job uuid, reason text, retry boolean) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('conditioner') THEN RAISE EXCEPTION 'only a conditioner works on jobs' USING ERRCODE = '42501'; END IF;
  UPDATE dvpe.job j SET state = CASE WHEN retry AND j.attempts < 3 THEN 'queued' ELSE 'failed' END, holder = NULL, lease_until = NULL,
      reason = left(fail_job.reason, 10000), changed_at = clock_timestamp()
    WHERE j.id = fail_job.job AND j.state = 'leased' AND j.holder = session.machine();
  IF NOT FOUND THEN RAISE EXCEPTION 'this job is no longer yours' USING ERRCODE = '40001'; END IF;
  PERFORM audit.append('job.fail', job::text, NULL, to_jsonb(left(reason, 10000)));
END
$$;

-- By anybody of its organisation who may ask for jobs.
CREATE FUNCTION registry.cancel_job(job uuid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT (session.has_role('creator') OR session.has_role('advertiser')) THEN
    RAISE EXCEPTION 'you may not cancel jobs' USING ERRCODE = '42501';
  END IF;
  UPDATE dvpe.job j SET state = 'failed', holder = NULL, lease_until = NULL, reason = 'cancelled', changed_at = clock_timestamp()
    WHERE j.id = cancel_job.job AND j.organisation = session.organisation() AND j.state IN ('queued', 'leased');
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no such open job' USING ERRCODE = '22023'; END IF;
  PERFORM audit.append('job.cancel', job::text, NULL, NULL);
END
$$;

DO $do$
DECLARE
  f regprocedure;
BEGIN
  FOR f IN SELECT p.oid::regprocedure FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'registry'::regnamespace
      AND p.proname IN ('may_upload', 'begin_blob', 'put_chunk', 'finish_blob', 'drop_blob', 'set_quota', 'words_of', 'publish_item',
                        'describe_item', 'delete_item', 'find_items', 'request_job', 'lease_job', 'job_progress', 'finish_job',
                        'fail_job', 'cancel_job') LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    EXECUTE format('ALTER FUNCTION %s OWNER TO dvpe_library', f);
  END LOOP;
END
$do$;
GRANT EXECUTE ON FUNCTION registry.begin_blob(bytea, bigint, text), registry.put_chunk(bytea, int, bytea), registry.finish_blob(bytea),
  registry.drop_blob(bytea, uuid) TO dvpe_person, dvpe_conditioner;
GRANT EXECUTE ON FUNCTION registry.set_quota(text, bigint, uuid), registry.publish_item(text, text, bytea, text[], uuid),
  registry.describe_item(uuid, text, text[]), registry.delete_item(uuid, uuid), registry.find_items(text, boolean, int),
  registry.request_job(bytea, text, text), registry.cancel_job(uuid) TO dvpe_person;
GRANT EXECUTE ON FUNCTION registry.lease_job(), registry.job_progress(uuid, int), registry.finish_job(uuid, jsonb),
  registry.fail_job(uuid, text, boolean) TO dvpe_conditioner;
