-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- Who is asking, and how they prove it. A person's connection reads nothing until session.prove(code) has taken a
-- one-time password; what is sensitive needs a grant for exactly that list of changes (session.begin_action).

CREATE TABLE dvpe.organisation (
  id text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9_-]{1,64}$'),
  title text NOT NULL CHECK (length(title) <= 200),
  operator boolean NOT NULL DEFAULT false  -- runs channels; an advertiser does not
);

CREATE TABLE dvpe.person (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  login name NOT NULL UNIQUE,
  organisation text NOT NULL REFERENCES dvpe.organisation,
  name text NOT NULL CHECK (name ~ '^[A-Za-z0-9_-]{1,64}$'),  -- as the keys document writes it
  full_name text NOT NULL CHECK (length(full_name) <= 200),
  verifier_digest bytea NOT NULL,  -- SHA-256 of the verifier that our function set
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  disabled_at timestamptz,
  disabled_for text
);

CREATE TABLE dvpe.machine (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  login name NOT NULL UNIQUE,
  name text NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  organisation text NOT NULL REFERENCES dvpe.organisation,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  disabled_at timestamptz
);

-- RFC 6238 with SHA-1, 6 digits, steps of 30 s: what every authenticator knows.
CREATE TABLE dvpe.one_time (
  person uuid PRIMARY KEY REFERENCES dvpe.person,
  secret bytea NOT NULL CHECK (length(secret) = 20),
  last_step bigint NOT NULL DEFAULT 0,  -- each step opens once
  failures int NOT NULL DEFAULT 0,
  locked_at timestamptz
);

CREATE TABLE dvpe.recovery_code (
  person uuid NOT NULL REFERENCES dvpe.person,
  digest bytea NOT NULL,  -- SHA-256 of 80 random bits in base32
  used_at timestamptz,
  PRIMARY KEY (person, digest)
);

-- A connection that has proved the second factor: process ids come again, the moment of its start does not.
CREATE UNLOGGED TABLE dvpe.proof (
  pid int NOT NULL,
  started timestamptz NOT NULL,
  person uuid NOT NULL REFERENCES dvpe.person,
  PRIMARY KEY (pid, started)
);

CREATE TABLE dvpe.action_grant (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  person uuid NOT NULL REFERENCES dvpe.person,
  login name NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL
);

CREATE TABLE dvpe.action_grant_change (
  action_grant uuid NOT NULL REFERENCES dvpe.action_grant,
  change text NOT NULL CHECK (change ~ '^[0-9a-f]{64}$'),
  used_at timestamptz,
  PRIMARY KEY (action_grant, change)
);

-- One row: the end of the chain. Whoever appends holds it until the end of the transaction, so the chain has one order.
CREATE TABLE dvpe.audit_head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  sequence bigint NOT NULL,
  hash bytea NOT NULL
);

CREATE TABLE dvpe.audit_entry (
  sequence bigint PRIMARY KEY,
  at timestamptz NOT NULL,
  login name NOT NULL,
  person uuid,          -- or a machine's
  who text NOT NULL,    -- its name then
  organisation text,
  address text NOT NULL,  -- from where; "local" for a socket
  what text NOT NULL,     -- "document.store"
  object text NOT NULL,   -- "ruleset/main"
  before jsonb,
  after jsonb,
  hash bytea NOT NULL
);

DO $do$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['organisation', 'person', 'machine', 'one_time', 'recovery_code', 'proof', 'action_grant',
                           'action_grant_change', 'audit_head', 'audit_entry']
  LOOP
    EXECUTE format('ALTER TABLE dvpe.%I OWNER TO dvpe_owner', t);
    EXECUTE format('ALTER TABLE dvpe.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
  END LOOP;
END
$do$;
INSERT INTO dvpe.audit_head VALUES (true, 0, sha256('dvpe-audit-v1'));

-- What the definers may touch.
GRANT SELECT ON dvpe.organisation, dvpe.machine TO dvpe_identity;
GRANT SELECT, UPDATE (disabled_at, disabled_for) ON dvpe.person TO dvpe_identity;
GRANT SELECT, UPDATE ON dvpe.one_time TO dvpe_identity;
GRANT SELECT, UPDATE (used_at) ON dvpe.recovery_code TO dvpe_identity;
GRANT SELECT, INSERT, DELETE ON dvpe.proof TO dvpe_identity;
GRANT SELECT, INSERT ON dvpe.action_grant TO dvpe_identity;
GRANT SELECT, INSERT, UPDATE (used_at) ON dvpe.action_grant_change TO dvpe_identity;
GRANT SELECT, INSERT, UPDATE ON dvpe.person, dvpe.machine, dvpe.organisation TO dvpe_logins;
GRANT SELECT, INSERT, UPDATE, DELETE ON dvpe.one_time, dvpe.recovery_code TO dvpe_logins;
GRANT SELECT, UPDATE ON dvpe.audit_head TO dvpe_auditor;
GRANT SELECT, INSERT ON dvpe.audit_entry TO dvpe_auditor;
CREATE POLICY identity ON dvpe.organisation FOR SELECT TO dvpe_identity, dvpe_registry USING (true);
CREATE POLICY identity ON dvpe.person TO dvpe_identity USING (true);
CREATE POLICY identity ON dvpe.machine FOR SELECT TO dvpe_identity USING (true);
CREATE POLICY identity ON dvpe.one_time TO dvpe_identity USING (true);
CREATE POLICY identity ON dvpe.recovery_code TO dvpe_identity USING (true);
CREATE POLICY identity ON dvpe.proof TO dvpe_identity USING (true);
CREATE POLICY identity ON dvpe.action_grant TO dvpe_identity USING (true);
CREATE POLICY identity ON dvpe.action_grant_change TO dvpe_identity USING (true);
CREATE POLICY logins ON dvpe.person TO dvpe_logins USING (true);
CREATE POLICY logins ON dvpe.machine TO dvpe_logins USING (true);
CREATE POLICY logins ON dvpe.organisation TO dvpe_logins USING (true);
CREATE POLICY logins ON dvpe.one_time TO dvpe_logins USING (true);
CREATE POLICY logins ON dvpe.recovery_code TO dvpe_logins USING (true);
CREATE POLICY auditor ON dvpe.audit_head TO dvpe_auditor USING (true);
CREATE POLICY auditor ON dvpe.audit_entry TO dvpe_auditor USING (true);

-- ---- when, and with which password

-- NULL when the definer may not read it: callers must fail closed.
CREATE FUNCTION session.started() RETURNS timestamptz
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT backend_start FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid() $$;
ALTER FUNCTION session.started() OWNER TO dvpe_clock;
GRANT EXECUTE ON FUNCTION session.started() TO dvpe_identity;

CREATE FUNCTION people.verifier_digest(login name) RETURNS bytea
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT pg_catalog.sha256(pg_catalog.convert_to(rolpassword, 'UTF8')) FROM pg_catalog.pg_authid
        WHERE rolname = $1 $$;
ALTER FUNCTION people.verifier_digest(name) OWNER TO dvpe_verifiers;
GRANT EXECUTE ON FUNCTION people.verifier_digest(name) TO dvpe_identity, dvpe_logins;

-- ---- who

-- The person of this connection, if the second factor has been proved on it; else NULL.
CREATE FUNCTION session.me() RETURNS uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT p.id FROM dvpe.proof f JOIN dvpe.person p ON p.id = f.person
        WHERE f.pid = pg_catalog.pg_backend_pid() AND f.started = session.started() AND p.login = session_user
          AND p.disabled_at IS NULL $$;
ALTER FUNCTION session.me() OWNER TO dvpe_identity;

-- The machine of this connection; machines prove themselves by their password and certificate alone.
CREATE FUNCTION session.machine() RETURNS uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT id FROM dvpe.machine WHERE login = session_user AND disabled_at IS NULL $$;
ALTER FUNCTION session.machine() OWNER TO dvpe_identity;

-- The organisation of whoever asks; NULL: nobody.
CREATE FUNCTION session.organisation() RETURNS text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT organisation FROM dvpe.person WHERE id = session.me()
        UNION ALL SELECT organisation FROM dvpe.machine WHERE id = session.machine() $$;
ALTER FUNCTION session.organisation() OWNER TO dvpe_identity;

-- Whether who asks has proved themselves and has this role. Never NULL.
CREATE FUNCTION session.has_role(role text) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT (session.me() IS NOT NULL OR session.machine() IS NOT NULL)
          AND EXISTS (SELECT FROM pg_catalog.pg_auth_members m
                      JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
                      JOIN pg_catalog.pg_roles u ON u.oid = m.member
                      WHERE g.rolname = 'dvpe_' || role AND u.rolname = session_user) $$;
ALTER FUNCTION session.has_role(text) OWNER TO dvpe_identity;
GRANT EXECUTE ON FUNCTION session.me(), session.machine(), session.organisation(), session.has_role(text)
  TO dvpe_person, dvpe_machine, dvpe_identity, dvpe_logins, dvpe_registry, dvpe_auditor;

-- ---- the audit chain

-- Appends a line about what the connection's login does. The hash runs over the line before and all of this one.
CREATE FUNCTION audit.append(what text, object text, before jsonb, after jsonb) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  head dvpe.audit_head;
  line dvpe.audit_entry;
BEGIN
  SELECT * INTO STRICT head FROM dvpe.audit_head FOR UPDATE;
  line.sequence := head.sequence + 1;
  line.at := clock_timestamp();
  line.login := session_user;
  SELECT w.id, w.name, w.organisation INTO line.person, line.who, line.organisation FROM audit.whoami() w;
  line.who := coalesce(line.who, 'superuser');
  line.address := coalesce(host(inet_client_addr()), 'local');
  line.what := append.what;
  line.object := append.object;
  line.before := append.before;
  line.after := append.after;
  line.hash := audit.line_hash(head.hash, line);
  INSERT INTO dvpe.audit_entry SELECT line.*;
  UPDATE dvpe.audit_head SET sequence = line.sequence, hash = line.hash;
END
$$;

-- The login's name, whether it has proved itself or not.
CREATE FUNCTION audit.whoami(OUT id uuid, OUT name text, OUT organisation text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT id, name, organisation FROM dvpe.person WHERE login = session_user
        UNION ALL SELECT id, name, organisation FROM dvpe.machine WHERE login = session_user $$;
ALTER FUNCTION audit.whoami() OWNER TO dvpe_identity;
GRANT EXECUTE ON FUNCTION audit.whoami() TO dvpe_auditor;

-- SHA-256 over the hash before and the line's fields, each with its length, in this order. `dvpe-node audit verify`
-- computes the same; times in UTC with microseconds.
CREATE FUNCTION audit.line_hash(before bytea, line dvpe.audit_entry) RETURNS bytea
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT sha256(before || string_agg(int4send(length(f)) || f, ''::bytea ORDER BY n))
  FROM unnest(ARRAY[
    convert_to(line.sequence::text, 'UTF8'),
    convert_to(to_char(line.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'UTF8'),
    convert_to(line.login::text, 'UTF8'), convert_to(coalesce(line.person::text, ''), 'UTF8'),
    convert_to(line.who, 'UTF8'), convert_to(coalesce(line.organisation, ''), 'UTF8'), convert_to(line.address, 'UTF8'),
    convert_to(line.what, 'UTF8'), convert_to(line.object, 'UTF8'), convert_to(coalesce(line.before::text, ''), 'UTF8'),
    convert_to(coalesce(line.after::text, ''), 'UTF8')]) WITH ORDINALITY AS u(f, n)
$$;
ALTER FUNCTION audit.line_hash(bytea, dvpe.audit_entry) OWNER TO dvpe_auditor;
ALTER FUNCTION audit.append(text, text, jsonb, jsonb) OWNER TO dvpe_auditor;
GRANT EXECUTE ON FUNCTION audit.append(text, text, jsonb, jsonb) TO dvpe_identity, dvpe_logins, dvpe_registry;

-- ---- one-time passwords

CREATE FUNCTION session.one_time_password(secret bytea, step bigint) RETURNS text
  LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  mac bytea := crypto.hmac(int8send(step), secret, 'sha1');
  at int := get_byte(mac, 19) & 15;
BEGIN
  -- These operators have one precedence here: each shift in brackets.
  RETURN lpad(((((get_byte(mac, at) & 127) << 24) | (get_byte(mac, at + 1) << 16) | (get_byte(mac, at + 2) << 8)
               | get_byte(mac, at + 3)) % 1000000)::text, 6, '0');
END
$$;
ALTER FUNCTION session.one_time_password(bytea, bigint) OWNER TO dvpe_identity;

-- 'ok', 'wrong', 'locked' or 'none'. A status and no exception: an exception would take the count of failures back.
CREATE FUNCTION session.check_code(who uuid, code text) RETURNS text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  o dvpe.one_time;
  now_step bigint := floor(extract(epoch FROM clock_timestamp()) / 30);
  s bigint;
BEGIN
  SELECT * INTO o FROM dvpe.one_time WHERE person = who FOR UPDATE;
  IF NOT FOUND THEN RETURN 'none'; END IF;
  IF o.locked_at IS NOT NULL THEN RETURN 'locked'; END IF;
  FOR s IN now_step - 1 .. now_step + 1 LOOP
    IF s > o.last_step AND session.one_time_password(o.secret, s) = code THEN
      UPDATE dvpe.one_time SET last_step = s, failures = 0 WHERE person = who;
      RETURN 'ok';
    END IF;
  END LOOP;
  UPDATE dvpe.recovery_code SET used_at = clock_timestamp()
    WHERE person = who AND used_at IS NULL AND digest = sha256(convert_to(upper(code), 'UTF8'));
  IF FOUND THEN
    UPDATE dvpe.one_time SET failures = 0 WHERE person = who;
    PERFORM audit.append('session.recovery_code', who::text, NULL, NULL);
    RETURN 'ok';
  END IF;
  UPDATE dvpe.one_time SET failures = failures + 1,
      locked_at = CASE WHEN failures + 1 >= 5 THEN clock_timestamp() END
    WHERE person = who;
  IF o.failures + 1 >= 5 THEN
    PERFORM audit.append('session.locked', who::text, NULL, NULL);
    RETURN 'locked';
  END IF;
  RETURN 'wrong';
END
$$;
ALTER FUNCTION session.check_code(uuid, text) OWNER TO dvpe_identity;

-- Proves the second factor for this connection: 'ok', 'wrong', 'locked', 'none' or 'disabled'.
CREATE FUNCTION session.prove(code text) RETURNS text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  p dvpe.person;
  result text;
BEGIN
  SELECT * INTO p FROM dvpe.person WHERE login = session_user;
  IF NOT FOUND OR p.disabled_at IS NOT NULL THEN RETURN 'disabled'; END IF;
  IF session.started() IS NULL THEN RETURN 'disabled'; END IF;
  result := session.check_code(p.id, code);
  IF result = 'ok' THEN
    DELETE FROM dvpe.proof WHERE pid = pg_backend_pid();
    INSERT INTO dvpe.proof VALUES (pg_backend_pid(), session.started(), p.id);
  END IF;
  RETURN result;
END
$$;
ALTER FUNCTION session.prove(text) OWNER TO dvpe_identity;
GRANT EXECUTE ON FUNCTION session.prove(text) TO dvpe_person;

-- ---- grants

-- Names a change: what is to be done, and each of its arguments. Everybody computes the same, over UTF-8.
CREATE FUNCTION session.change(VARIADIC parts text[]) RETURNS text
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT encode(sha256(string_agg(int4send(octet_length(convert_to(p, 'UTF8'))) || convert_to(p, 'UTF8'), ''::bytea ORDER BY n)),
                'hex')
  FROM unnest(parts) WITH ORDINALITY AS u(p, n)
$$;
ALTER FUNCTION session.change(text[]) OWNER TO dvpe_identity;
GRANT EXECUTE ON FUNCTION session.change(text[]) TO dvpe_person, dvpe_machine, dvpe_logins, dvpe_registry;

-- A grant for exactly these changes, each once, for 60 s. It is given over a connection that was authenticated within
-- the last 10 s, with the password that our function set, and a one-time password.
-- status: 'ok', 'stale', 'password' (then the login is disabled), or what session.prove answers.
CREATE FUNCTION session.begin_action(changes text[], code text, OUT status text, OUT action_grant uuid)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  p dvpe.person;
BEGIN
  SELECT * INTO p FROM dvpe.person WHERE login = session_user;
  IF NOT FOUND OR p.disabled_at IS NOT NULL THEN status := 'disabled'; RETURN; END IF;
  IF (clock_timestamp() - session.started() < interval '10 seconds') IS NOT TRUE THEN status := 'stale'; RETURN; END IF;
  -- Anybody may ALTER ROLE themselves: a stolen session could set a password of its own and come back "fresh" with it.
  IF (people.verifier_digest(p.login) = p.verifier_digest) IS NOT TRUE THEN
    UPDATE dvpe.person SET disabled_at = clock_timestamp(), disabled_for = 'its password was changed behind our back'
      WHERE id = p.id;
    PERFORM audit.append('session.alarm', p.name, NULL, '{"reason": "the password was changed behind our back"}');
    status := 'password';
    RETURN;
  END IF;
  IF coalesce(cardinality(changes), 0) NOT BETWEEN 1 AND 100 THEN status := 'changes'; RETURN; END IF;
  status := session.check_code(p.id, code);
  IF status <> 'ok' THEN RETURN; END IF;
  INSERT INTO dvpe.action_grant (person, login, expires_at) VALUES (p.id, session_user, clock_timestamp() + interval '60 seconds')
    RETURNING id INTO action_grant;
  INSERT INTO dvpe.action_grant_change (action_grant, change) SELECT DISTINCT begin_action.action_grant, c FROM unnest(changes) c;
  PERFORM audit.append('session.grant', begin_action.action_grant::text, NULL, to_jsonb(changes));
END
$$;
ALTER FUNCTION session.begin_action(text[], text) OWNER TO dvpe_identity;
GRANT EXECUTE ON FUNCTION session.begin_action(text[], text) TO dvpe_person;

-- Uses up one change of a grant, or raises. Definers call it before they do what is sensitive, in its transaction.
CREATE FUNCTION session.use_grant(action_grant uuid, change text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE dvpe.action_grant_change c SET used_at = clock_timestamp()
    FROM dvpe.action_grant g
    WHERE c.action_grant = use_grant.action_grant AND c.change = use_grant.change AND c.used_at IS NULL
      AND g.id = c.action_grant AND g.login = session_user AND g.person = session.me()
      AND g.expires_at > clock_timestamp();
  IF NOT FOUND THEN
    RAISE EXCEPTION 'this change needs a grant: none that is yours, unused and in time names it' USING ERRCODE = '42501';
  END IF;
END
$$;
ALTER FUNCTION session.use_grant(uuid, text) OWNER TO dvpe_identity;
GRANT EXECUTE ON FUNCTION session.use_grant(uuid, text) TO dvpe_logins, dvpe_registry;

-- ---- what people see of each other

-- Not logins, which are secret, and not digests of passwords.
GRANT SELECT ON dvpe.organisation TO dvpe_person;
GRANT SELECT (id, organisation, name, full_name, created_at, disabled_at, disabled_for) ON dvpe.person TO dvpe_person;
GRANT SELECT ON dvpe.machine, dvpe.audit_entry TO dvpe_admin;
CREATE POLICY own ON dvpe.organisation FOR SELECT TO dvpe_person
  USING (id = (SELECT session.organisation()) OR (SELECT session.has_role('admin')) OR (SELECT session.has_role('ad_operations')));
CREATE POLICY own ON dvpe.person FOR SELECT TO dvpe_person
  USING (((SELECT session.me()) IS NOT NULL AND organisation = (SELECT session.organisation()))
         OR (SELECT session.has_role('admin')));
CREATE POLICY admins ON dvpe.machine FOR SELECT TO dvpe_admin USING ((SELECT session.has_role('admin')));
CREATE POLICY admins ON dvpe.audit_entry FOR SELECT TO dvpe_admin USING ((SELECT session.has_role('admin')));
