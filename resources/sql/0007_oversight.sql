-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- What watches over the rest: signed heads of the audit chain, an end to sessions that stay too long, what admins see of
-- people, and viewers' consent and requests.

DO $do$
DECLARE
  r text;
BEGIN
  FOREACH r IN ARRAY ARRAY[
    'dvpe_warden',   -- definer: ends sessions of people that are overdue
    'dvpe_privacy']  -- definer: consent and privacy requests
  LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', r);
    END IF;
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC', r);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE USAGE ON TYPES FROM PUBLIC', r);
  END LOOP;
END
$do$;
GRANT pg_signal_backend, pg_read_all_stats TO dvpe_warden;
GRANT USAGE ON SCHEMA dvpe, session, people, registry, audit TO dvpe_warden, dvpe_privacy;
GRANT EXECUTE ON FUNCTION session.me(), session.machine(), session.has_role(text), session.change(text[]),
  session.use_grant(uuid, text) TO dvpe_privacy;
GRANT EXECUTE ON FUNCTION session.has_role(text) TO dvpe_warden;
GRANT EXECUTE ON FUNCTION audit.append(text, text, jsonb, jsonb) TO dvpe_warden, dvpe_privacy;
GRANT EXECUTE ON FUNCTION registry.check_epoch(bigint) TO dvpe_warden, dvpe_auditor;

-- ---- the head of the audit chain, signed by the coordinator each minute; nodes keep copies

CREATE TABLE dvpe.audit_head_signature (
  sequence bigint PRIMARY KEY,
  hash bytea NOT NULL,
  at timestamptz NOT NULL,
  statement bytea NOT NULL CHECK (length(statement) <= 1000),  -- {"kind", "sequence", "hash", "at"}: the bytes that are signed
  key text NOT NULL CHECK (key ~ '^[0-9a-f]{16}$'),
  signature bytea NOT NULL CHECK (length(signature) = 64)
);
ALTER TABLE dvpe.audit_head_signature OWNER TO dvpe_owner;
ALTER TABLE dvpe.audit_head_signature ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON dvpe.audit_head_signature TO dvpe_auditor;
CREATE POLICY auditor ON dvpe.audit_head_signature TO dvpe_auditor USING (true);
GRANT SELECT ON dvpe.audit_head_signature TO dvpe_admin, dvpe_machine;
CREATE POLICY admins ON dvpe.audit_head_signature FOR SELECT TO dvpe_admin USING ((SELECT session.has_role('admin')));
CREATE POLICY machines ON dvpe.audit_head_signature FOR SELECT TO dvpe_machine USING ((SELECT session.machine()) IS NOT NULL);

CREATE FUNCTION audit.head(OUT sequence bigint, OUT hash bytea)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT (session.has_role('coordinator') OR session.has_role('admin')) THEN
    RAISE EXCEPTION 'only coordinators and admins read the head' USING ERRCODE = '42501';
  END IF;
  SELECT h.sequence, h.hash INTO STRICT head.sequence, head.hash FROM dvpe.audit_head h;
END
$$;

-- By the coordinator that holds the lease. The statement must be true of the chain; the same one again changes nothing.
-- It leaves no audit line of its own: else each head would need another.
CREATE FUNCTION audit.store_head(statement bytea, key text, signature bytea, epoch bigint) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  j jsonb;
  s bigint;
  newest bigint;
BEGIN
  IF NOT session.has_role('coordinator') THEN RAISE EXCEPTION 'only a coordinator signs the head' USING ERRCODE = '42501'; END IF;
  PERFORM registry.check_epoch(epoch);
  j := convert_from(statement, 'UTF8')::jsonb;
  s := (j->>'sequence')::bigint;
  PERFORM FROM dvpe.audit_entry e WHERE e.sequence = s AND encode(e.hash, 'hex') = j->>'hash';
  IF NOT FOUND THEN RAISE EXCEPTION 'the chain has no such head' USING ERRCODE = '22023'; END IF;
  SELECT max(h.sequence) INTO newest FROM dvpe.audit_head_signature h;
  IF s = newest THEN RETURN; END IF;
  IF s < newest THEN RAISE EXCEPTION 'head % is signed already', newest USING ERRCODE = '40001'; END IF;
  INSERT INTO dvpe.audit_head_signature (sequence, hash, at, statement, key, signature)
    VALUES (s, decode(j->>'hash', 'hex'), to_timestamp((j->>'at')::bigint), store_head.statement, store_head.key, store_head.signature);
END
$$;

-- The chain's lines with each field as it went into the hash, in order, for `dvpe-node audit verify`. By admins.
CREATE FUNCTION audit.entries(from_sequence bigint, most int)
  RETURNS TABLE (sequence bigint, at text, login text, person text, who text, organisation text, address text, what text,
                 object text, before text, after text, hash bytea)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('admin') THEN RAISE EXCEPTION 'only admins read the audit log' USING ERRCODE = '42501'; END IF;
  RETURN QUERY SELECT e.sequence, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.login::text,
      coalesce(e.person::text, ''), e.who, coalesce(e.organisation, ''), e.address, e.what, e.object,
      coalesce(e.before::text, ''), coalesce(e.after::text, ''), e.hash
    FROM dvpe.audit_entry e WHERE e.sequence >= from_sequence ORDER BY e.sequence LIMIT least(most, 10000);
END
$$;
ALTER FUNCTION audit.head() OWNER TO dvpe_auditor;
ALTER FUNCTION audit.store_head(bytea, text, bytea, bigint) OWNER TO dvpe_auditor;
ALTER FUNCTION audit.entries(bigint, int) OWNER TO dvpe_auditor;
GRANT EXECUTE ON FUNCTION audit.head() TO dvpe_coordinator, dvpe_admin;
GRANT EXECUTE ON FUNCTION audit.store_head(bytea, text, bytea, bigint) TO dvpe_coordinator;
GRANT EXECUTE ON FUNCTION audit.entries(bigint, int) TO dvpe_admin;

-- ---- the warden

-- Ends people's sessions in this database whose statement runs for more than 60 s, whose transaction is older or idle for
-- longer than 120 s, or which do nothing for 12 h. The server's own limits say the same, but anybody may raise those for
-- themselves. Not machines, whose LISTEN is idle for days, and no superuser. By the coordinator; how many it were.
CREATE FUNCTION people.end_overdue(epoch bigint) RETURNS int
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  s record;
  ended int := 0;
  at timestamptz := clock_timestamp();
BEGIN
  IF NOT session.has_role('coordinator') THEN RAISE EXCEPTION 'only a coordinator ends sessions' USING ERRCODE = '42501'; END IF;
  PERFORM registry.check_epoch(epoch);
  FOR s IN SELECT a.pid, a.usename, a.state, a.query_start, a.state_change, a.xact_start
    FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
    WHERE a.datname = current_database() AND NOT r.rolsuper
      AND EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
                  WHERE m.member = r.oid AND g.rolname = 'dvpe_person')
  LOOP
    IF s.state IS NULL OR s.state = 'disabled' THEN
      RAISE EXCEPTION 'the warden cannot see what sessions do' USING ERRCODE = '55000';  -- fails closed, and is heard
    END IF;
    IF (s.state IN ('active', 'fastpath function call') AND s.query_start < at - interval '60 seconds')
       OR (s.state LIKE 'idle in transaction%' AND s.state_change < at - interval '120 seconds')
       OR s.xact_start < at - interval '120 seconds'
       OR (s.state = 'idle' AND s.state_change < at - interval '12 hours') THEN
      IF pg_terminate_backend(s.pid) THEN
        ended := ended + 1;
        PERFORM audit.append('session.end', s.usename::text, NULL, jsonb_build_object('state', s.state, 'reason', 'overdue'));
      END IF;
    END IF;
  END LOOP;
  RETURN ended;
END
$$;
ALTER FUNCTION people.end_overdue(bigint) OWNER TO dvpe_warden;
GRANT EXECUTE ON FUNCTION people.end_overdue(bigint) TO dvpe_coordinator;

-- ---- what admins see of people

-- Everybody with login and roles: admins hand out logins, which are in no table that they could read.
CREATE FUNCTION people.directory()
  RETURNS TABLE (kind text, id uuid, organisation text, name text, full_name text, login text, roles text[],
                 created_at timestamptz, disabled_at timestamptz, disabled_for text)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('admin') THEN RAISE EXCEPTION 'only admins see everybody' USING ERRCODE = '42501'; END IF;
  RETURN QUERY
    SELECT w.kind, w.id, w.organisation, w.name, w.full_name, w.login::text,
      ARRAY(SELECT substr(g.rolname, 6) FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
            JOIN pg_catalog.pg_roles u ON u.oid = m.member
            WHERE u.rolname = w.login AND g.rolname LIKE 'dvpe\_%' AND g.rolname NOT IN ('dvpe_person', 'dvpe_machine') ORDER BY 1),
      w.created_at, w.disabled_at, w.disabled_for
    FROM (SELECT 'person' AS kind, p.id, p.organisation, p.name, p.full_name, p.login, p.created_at, p.disabled_at, p.disabled_for
          FROM dvpe.person p
          UNION ALL SELECT 'machine', m.id, m.organisation, m.name, '', m.login, m.created_at, m.disabled_at, NULL
          FROM dvpe.machine m) w
    ORDER BY w.kind DESC, w.organisation, w.name;
END
$$;

-- A proposal to add somebody carries the secret of their one-time passwords until it is decided: that is not for admins
-- to read. What they decide on is the rest of it.
REVOKE SELECT ON dvpe.proposal FROM dvpe_admin;
GRANT SELECT (id, what, proposed_by, proposed_at, decided_by, decided_at, outcome) ON dvpe.proposal TO dvpe_admin;
CREATE FUNCTION people.proposals()
  RETURNS TABLE (id uuid, what text, args jsonb, proposed_by text, proposed_at timestamptz, decided_by text, decided_at timestamptz,
                 outcome text)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('admin') THEN RAISE EXCEPTION 'only admins see proposals' USING ERRCODE = '42501'; END IF;
  RETURN QUERY SELECT o.id, o.what, o.args - 'verifier' - 'secret' - 'recovery', p.name, o.proposed_at, d.name, o.decided_at, o.outcome
    FROM dvpe.proposal o JOIN dvpe.person p ON p.id = o.proposed_by LEFT JOIN dvpe.person d ON d.id = o.decided_by
    ORDER BY o.proposed_at;
END
$$;
ALTER FUNCTION people.directory() OWNER TO dvpe_logins;
ALTER FUNCTION people.proposals() OWNER TO dvpe_logins;
GRANT EXECUTE ON FUNCTION people.directory(), people.proposals() TO dvpe_admin;

-- ---- viewers: keyed digests of pseudonyms and nothing else about them

-- Append-only: the newest one of a viewer counts. It is its own record, and many: it leaves no line in the audit log.
CREATE TABLE dvpe.consent_record (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  pseudonym bytea NOT NULL CHECK (length(pseudonym) = 32),  -- HMAC-SHA-256
  purposes text[] NOT NULL CHECK (cardinality(purposes) <= 64 AND octet_length(purposes::text) <= 4096),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  source text NOT NULL CHECK (length(source) <= 200),
  node uuid NOT NULL REFERENCES dvpe.machine
);
CREATE INDEX consent_record_viewer ON dvpe.consent_record (pseudonym, at);

CREATE TABLE dvpe.privacy_request (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  kind text NOT NULL CHECK (kind IN ('access', 'erase', 'object')),
  pseudonym bytea NOT NULL CHECK (length(pseudonym) = 32),
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'refused')),
  reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 10000),
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  due_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '30 days',
  requested_by uuid NOT NULL,  -- a person or a node
  done_at timestamptz,
  done_by uuid REFERENCES dvpe.person,
  CHECK ((state = 'open') = (done_at IS NULL))
);

DO $do$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['consent_record', 'privacy_request'] LOOP
    EXECUTE format('ALTER TABLE dvpe.%I OWNER TO dvpe_owner', t);
    EXECUTE format('ALTER TABLE dvpe.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON dvpe.%I TO dvpe_privacy', t);
    EXECUTE format('CREATE POLICY privacy ON dvpe.%I TO dvpe_privacy USING (true)', t);
  END LOOP;
END
$do$;
GRANT SELECT ON dvpe.privacy_request TO dvpe_admin;
CREATE POLICY admins ON dvpe.privacy_request FOR SELECT TO dvpe_admin USING ((SELECT session.has_role('admin')));

CREATE FUNCTION registry.record_consent(pseudonym bytea, purposes text[], source text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('node') THEN RAISE EXCEPTION 'only a node records consent' USING ERRCODE = '42501'; END IF;
  INSERT INTO dvpe.consent_record (pseudonym, purposes, source, node)
    VALUES (record_consent.pseudonym, record_consent.purposes, record_consent.source, session.machine());
END
$$;

CREATE FUNCTION registry.open_privacy_request(kind text, pseudonym bytea) RETURNS uuid
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  made uuid;
BEGIN
  IF NOT (session.has_role('node') OR session.has_role('admin')) THEN
    RAISE EXCEPTION 'only nodes and admins open privacy requests' USING ERRCODE = '42501';
  END IF;
  INSERT INTO dvpe.privacy_request AS r (kind, pseudonym, requested_by)
    VALUES (open_privacy_request.kind, open_privacy_request.pseudonym, coalesce(session.me(), session.machine())) RETURNING r.id INTO made;
  PERFORM audit.append('privacy.open', made::text, NULL, jsonb_build_object('kind', kind, 'pseudonym', encode(pseudonym, 'hex')));
  RETURN made;
END
$$;

-- outcome: 'done', or 'refused' with a reason. With a grant for exactly this.
CREATE FUNCTION registry.close_privacy_request(request uuid, outcome text, reason text, action_grant uuid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('admin') THEN RAISE EXCEPTION 'only an admin closes privacy requests' USING ERRCODE = '42501'; END IF;
  PERFORM session.use_grant(action_grant, session.change('privacy.close', request::text, outcome, reason));
  IF (outcome = 'done' OR (outcome = 'refused' AND length(reason) > 0)) IS NOT TRUE THEN
    RAISE EXCEPTION 'a request is done, or refused for a reason' USING ERRCODE = '22023';
  END IF;
  UPDATE dvpe.privacy_request r SET state = outcome, reason = close_privacy_request.reason, done_at = clock_timestamp(), done_by = session.me()
    WHERE r.id = request AND r.state = 'open';
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no such open request' USING ERRCODE = '22023'; END IF;
  PERFORM audit.append('privacy.close', request::text, NULL, jsonb_build_object('outcome', outcome, 'reason', reason));
END
$$;
ALTER FUNCTION registry.record_consent(bytea, text[], text) OWNER TO dvpe_privacy;
ALTER FUNCTION registry.open_privacy_request(text, bytea) OWNER TO dvpe_privacy;
ALTER FUNCTION registry.close_privacy_request(uuid, text, text, uuid) OWNER TO dvpe_privacy;
GRANT EXECUTE ON FUNCTION registry.record_consent(bytea, text[], text) TO dvpe_node;
GRANT EXECUTE ON FUNCTION registry.open_privacy_request(text, bytea) TO dvpe_node, dvpe_admin;
GRANT EXECUTE ON FUNCTION registry.close_privacy_request(uuid, text, text, uuid) TO dvpe_admin;
