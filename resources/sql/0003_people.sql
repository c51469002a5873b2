-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- People, machines and their roles. What changes them takes two admins: one proposes, another approves, each with a
-- grant of their own. dvpe_logins is the one role that may create roles; it owns exactly the functions that do.

CREATE TABLE dvpe.proposal (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  what text NOT NULL,
  args jsonb NOT NULL CHECK (length(args::text) <= 100000),
  proposed_by uuid NOT NULL REFERENCES dvpe.person,
  proposed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  decided_by uuid REFERENCES dvpe.person,
  decided_at timestamptz,
  outcome text CHECK (outcome IN ('approved', 'rejected')),
  CHECK (decided_by <> proposed_by)
);
ALTER TABLE dvpe.proposal OWNER TO dvpe_owner;
ALTER TABLE dvpe.proposal ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE ON dvpe.proposal TO dvpe_logins;
CREATE POLICY logins ON dvpe.proposal TO dvpe_logins USING (true);
GRANT SELECT ON dvpe.proposal TO dvpe_admin;
CREATE POLICY admins ON dvpe.proposal FOR SELECT TO dvpe_admin USING ((SELECT session.has_role('admin')));

-- The groups that a word stands for: the literal list of what may ever be granted.
CREATE FUNCTION people.group_of(role text) RETURNS name
  LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  CASE role
    WHEN 'creator' THEN RETURN 'dvpe_creator';
    WHEN 'advertiser' THEN RETURN 'dvpe_advertiser';
    WHEN 'ad_operations' THEN RETURN 'dvpe_ad_operations';
    WHEN 'analyst' THEN RETURN 'dvpe_analyst';
    WHEN 'broadcaster' THEN RETURN 'dvpe_broadcaster';
    WHEN 'admin' THEN RETURN 'dvpe_admin';
    WHEN 'node' THEN RETURN 'dvpe_node';
    WHEN 'coordinator' THEN RETURN 'dvpe_coordinator';
    WHEN 'conditioner' THEN RETURN 'dvpe_conditioner';
    ELSE RAISE EXCEPTION 'there is no role "%"', role USING ERRCODE = '22023';
  END CASE;
END
$$;
ALTER FUNCTION people.group_of(text) OWNER TO dvpe_logins;

-- Which roles an organisation's people may have, and that advertisers are not also those who approve them.
CREATE FUNCTION people.check_roles(organisation text, roles text[]) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  runs_channels boolean;
BEGIN
  SELECT o.operator INTO runs_channels FROM dvpe.organisation o WHERE o.id = organisation;
  IF runs_channels IS NULL THEN RAISE EXCEPTION 'there is no organisation "%"', organisation USING ERRCODE = '22023'; END IF;
  IF NOT runs_channels AND NOT roles <@ ARRAY['advertiser', 'analyst'] THEN
    RAISE EXCEPTION 'people of an advertiser are advertisers or analysts' USING ERRCODE = '22023';
  END IF;
  IF roles && ARRAY['node', 'coordinator', 'conditioner'] THEN
    RAISE EXCEPTION 'a person is no machine' USING ERRCODE = '22023';
  END IF;
END
$$;
ALTER FUNCTION people.check_roles(text, text[]) OWNER TO dvpe_logins;

-- A login with a random name; its password is known to who made the verifier (RFC 7677, at least 4096 rounds), not to us.
CREATE FUNCTION people.create_login(verifier text, groups name[], connections int) RETURNS name
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  login name := 'p_' || replace(gen_random_uuid()::text, '-', '');
  g name;
BEGIN
  PERFORM people.check_verifier(verifier);
  EXECUTE format('CREATE ROLE %I LOGIN INHERIT CONNECTION LIMIT %s PASSWORD %L', login, connections, verifier);
  FOREACH g IN ARRAY groups LOOP
    EXECUTE format('GRANT %I TO %I', g, login);
  END LOOP;
  -- Ended by the server itself; the coordinator ends what has raised its own limit.
  EXECUTE format('ALTER ROLE %I SET statement_timeout = %L', login, '30s');
  EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', login, '60s');
  RETURN login;
END
$$;
ALTER FUNCTION people.create_login(text, name[], int) OWNER TO dvpe_logins;

CREATE FUNCTION people.check_verifier(verifier text) RETURNS void
  LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF (verifier ~ '^SCRAM-SHA-256\$[0-9]{4,7}:[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$'
      AND substring(verifier FROM '\$([0-9]+):')::int >= 4096) IS NOT TRUE THEN
    RAISE EXCEPTION 'a password is given as a SCRAM-SHA-256 verifier of at least 4096 rounds' USING ERRCODE = '22023';
  END IF;
END
$$;
ALTER FUNCTION people.check_verifier(text) OWNER TO dvpe_logins;

CREATE FUNCTION people.add_person(organisation text, name text, full_name text, roles text[], verifier text, secret bytea,
                                  recovery bytea[]) RETURNS uuid
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  l pg_catalog.name;
  who uuid;
BEGIN
  PERFORM people.check_roles(organisation, roles);
  l := people.create_login(verifier, ARRAY['dvpe_person'::pg_catalog.name] || (SELECT array_agg(people.group_of(r)) FROM unnest(roles) r), 8);
  INSERT INTO dvpe.person (login, organisation, name, full_name, verifier_digest)
    VALUES (l, add_person.organisation, add_person.name, add_person.full_name, people.verifier_digest(l)) RETURNING id INTO who;
  INSERT INTO dvpe.one_time (person, secret) VALUES (who, secret);
  INSERT INTO dvpe.recovery_code (person, digest) SELECT who, d FROM unnest(recovery) d;
  PERFORM audit.append('person.add', add_person.name, NULL, jsonb_build_object('organisation', organisation, 'roles', to_jsonb(roles)));
  RETURN who;
END
$$;
ALTER FUNCTION people.add_person(text, text, text, text[], text, bytea, bytea[]) OWNER TO dvpe_logins;

CREATE FUNCTION people.add_machine(organisation text, name text, role text, verifier text) RETURNS uuid
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  l pg_catalog.name;
  who uuid;
BEGIN
  IF (role IN ('node', 'coordinator', 'conditioner')) IS NOT TRUE THEN
    RAISE EXCEPTION 'a machine is a node, a coordinator or a conditioner' USING ERRCODE = '22023';
  END IF;
  l := people.create_login(verifier, ARRAY['dvpe_machine'::pg_catalog.name, people.group_of(role)], 16);
  INSERT INTO dvpe.machine (login, name, organisation) VALUES (l, add_machine.name, add_machine.organisation)
    RETURNING id INTO who;
  PERFORM audit.append('machine.add', add_machine.name, NULL, jsonb_build_object('role', role));
  RETURN who;
END
$$;
ALTER FUNCTION people.add_machine(text, text, text, text) OWNER TO dvpe_logins;

CREATE FUNCTION people.set_roles(who uuid, roles text[]) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  p dvpe.person;
  r text;
  before text[] := '{}';
BEGIN
  SELECT * INTO STRICT p FROM dvpe.person WHERE id = who;
  PERFORM people.check_roles(p.organisation, roles);
  FOREACH r IN ARRAY ARRAY['creator', 'advertiser', 'ad_operations', 'analyst', 'broadcaster', 'admin'] LOOP
    IF pg_has_role(p.login, people.group_of(r), 'MEMBER') THEN
      before := before || r;
      IF NOT r = ANY (roles) THEN EXECUTE format('REVOKE %I FROM %I', people.group_of(r), p.login); END IF;
    ELSIF r = ANY (roles) THEN
      EXECUTE format('GRANT %I TO %I', people.group_of(r), p.login);
    END IF;
  END LOOP;
  PERFORM audit.append('person.roles', p.name, to_jsonb(before), to_jsonb(roles));
END
$$;
ALTER FUNCTION people.set_roles(uuid, text[]) OWNER TO dvpe_logins;

CREATE FUNCTION people.disable(who uuid, reason text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  p dvpe.person;
BEGIN
  SELECT * INTO STRICT p FROM dvpe.person WHERE id = who;
  EXECUTE format('ALTER ROLE %I NOLOGIN', p.login);
  UPDATE dvpe.person SET disabled_at = clock_timestamp(), disabled_for = reason WHERE id = who;
  PERFORM audit.append('person.disable', p.name, NULL, jsonb_build_object('reason', reason));
END
$$;
ALTER FUNCTION people.disable(uuid, text) OWNER TO dvpe_logins;

-- One's own password: with a grant for this verifier.
CREATE FUNCTION people.set_password(verifier text, action_grant uuid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  p dvpe.person;
BEGIN
  PERFORM session.use_grant(action_grant, session.change('person.password', verifier));
  PERFORM people.check_verifier(verifier);
  SELECT * INTO STRICT p FROM dvpe.person WHERE id = session.me();
  EXECUTE format('ALTER ROLE %I PASSWORD %L', p.login, verifier);
  UPDATE dvpe.person SET verifier_digest = people.verifier_digest(p.login) WHERE id = p.id;
  PERFORM audit.append('person.password', p.name, NULL, NULL);
END
$$;
ALTER FUNCTION people.set_password(text, uuid) OWNER TO dvpe_logins;
GRANT EXECUTE ON FUNCTION people.set_password(text, uuid) TO dvpe_person;

-- What two admins may agree on: 'person.add', 'person.roles', 'person.disable', 'machine.add', 'organisation.add'.
CREATE FUNCTION people.propose(what text, args jsonb, action_grant uuid) RETURNS uuid
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  made uuid;
BEGIN
  IF session.has_role('admin') IS NOT TRUE THEN RAISE EXCEPTION 'only an admin may propose this' USING ERRCODE = '42501'; END IF;
  IF (what IN ('person.add', 'person.roles', 'person.disable', 'machine.add', 'organisation.add')) IS NOT TRUE THEN
    RAISE EXCEPTION 'there is nothing called "%"', what USING ERRCODE = '22023';
  END IF;
  PERFORM session.use_grant(action_grant, session.change('propose', what, args::text));
  INSERT INTO dvpe.proposal (what, args, proposed_by) VALUES (propose.what, propose.args, session.me()) RETURNING id INTO made;
  PERFORM audit.append('propose', made::text, NULL, jsonb_build_object('what', what, 'args', args - 'verifier' - 'secret' - 'recovery'));
  RETURN made;
END
$$;
ALTER FUNCTION people.propose(text, jsonb, uuid) OWNER TO dvpe_logins;
GRANT EXECUTE ON FUNCTION people.propose(text, jsonb, uuid) TO dvpe_admin;

-- By another admin. Does what was proposed, or nothing at all.
CREATE FUNCTION people.decide(which uuid, approve boolean, action_grant uuid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  p dvpe.proposal;
  a jsonb;
BEGIN
  IF session.has_role('admin') IS NOT TRUE THEN RAISE EXCEPTION 'only an admin may decide this' USING ERRCODE = '42501'; END IF;
  PERFORM session.use_grant(action_grant, session.change('decide', which::text, approve::text));
  SELECT * INTO p FROM dvpe.proposal o WHERE o.id = which FOR UPDATE;
  IF NOT FOUND OR p.outcome IS NOT NULL THEN RAISE EXCEPTION 'there is no such open proposal' USING ERRCODE = '22023'; END IF;
  IF (p.proposed_by <> session.me()) IS NOT TRUE THEN
    RAISE EXCEPTION 'another admin than the one who proposed it decides' USING ERRCODE = '42501';
  END IF;
  UPDATE dvpe.proposal SET decided_by = session.me(), decided_at = clock_timestamp(),
      outcome = CASE WHEN approve THEN 'approved' ELSE 'rejected' END,
      args = p.args - 'verifier' - 'secret' - 'recovery'
    WHERE id = which;
  PERFORM audit.append('decide', which::text, NULL, to_jsonb(approve));
  IF NOT approve THEN RETURN; END IF;
  a := p.args;
  CASE p.what
    WHEN 'person.add' THEN
      PERFORM people.add_person(a->>'organisation', a->>'name', a->>'full_name',
        ARRAY(SELECT jsonb_array_elements_text(a->'roles')), a->>'verifier', decode(a->>'secret', 'hex'),
        ARRAY(SELECT decode(d, 'hex') FROM jsonb_array_elements_text(a->'recovery') d));
    WHEN 'person.roles' THEN
      PERFORM people.set_roles((a->>'person')::uuid, ARRAY(SELECT jsonb_array_elements_text(a->'roles')));
    WHEN 'person.disable' THEN PERFORM people.disable((a->>'person')::uuid, a->>'reason');
    WHEN 'machine.add' THEN PERFORM people.add_machine(a->>'organisation', a->>'name', a->>'role', a->>'verifier');
    WHEN 'organisation.add' THEN
      INSERT INTO dvpe.organisation VALUES (a->>'id', a->>'title', coalesce((a->>'operator')::boolean, false));
      PERFORM audit.append('organisation.add', a->>'id', NULL, a);
  END CASE;
END
$$;
ALTER FUNCTION people.decide(uuid, boolean, uuid) OWNER TO dvpe_logins;
GRANT EXECUTE ON FUNCTION people.decide(uuid, boolean, uuid) TO dvpe_admin;
