-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- The way back for somebody whom five wrong codes have locked out, or who has lost their authenticator: two admins, like
-- everything about people.

-- Connections that have proved the second factor with what no longer counts, and grants that were given for it.
CREATE FUNCTION session.forget_proofs(who uuid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  DELETE FROM dvpe.proof f WHERE f.person = who;
  UPDATE dvpe.action_grant_change c SET used_at = clock_timestamp() FROM dvpe.action_grant g
    WHERE g.id = c.action_grant AND g.person = who AND c.used_at IS NULL AND g.expires_at > clock_timestamp();
END
$$;
ALTER FUNCTION session.forget_proofs(uuid) OWNER TO dvpe_identity;
GRANT EXECUTE ON FUNCTION session.forget_proofs(uuid) TO dvpe_logins;

-- The secret stays as it is: for five wrong codes, not for a lost authenticator. Codes that were used stay used.
CREATE FUNCTION people.unlock(who uuid) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  p dvpe.person;
  was timestamptz;
BEGIN
  SELECT * INTO STRICT p FROM dvpe.person WHERE id = who;
  IF p.disabled_at IS NOT NULL THEN RAISE EXCEPTION '% is disabled', p.name USING ERRCODE = '22023'; END IF;
  SELECT locked_at INTO was FROM dvpe.one_time WHERE person = who FOR UPDATE;
  IF was IS NULL THEN RAISE EXCEPTION '% is not locked', p.name USING ERRCODE = '22023'; END IF;
  UPDATE dvpe.one_time SET failures = 0, locked_at = NULL WHERE person = who;
  PERFORM audit.append('person.unlock', p.name, jsonb_build_object('locked_at', was), NULL);
END
$$;
ALTER FUNCTION people.unlock(uuid) OWNER TO dvpe_logins;

-- Another secret and other recovery codes. What the old ones opened is closed.
CREATE FUNCTION people.set_second_factor(who uuid, secret bytea, recovery bytea[]) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  p dvpe.person;
BEGIN
  SELECT * INTO STRICT p FROM dvpe.person WHERE id = who;
  IF p.disabled_at IS NOT NULL THEN RAISE EXCEPTION '% is disabled', p.name USING ERRCODE = '22023'; END IF;
  UPDATE dvpe.one_time o SET secret = set_second_factor.secret, last_step = 0, failures = 0, locked_at = NULL WHERE o.person = who;
  IF NOT FOUND THEN RAISE EXCEPTION '% has no one-time passwords', p.name USING ERRCODE = '22023'; END IF;
  DELETE FROM dvpe.recovery_code c WHERE c.person = who;
  INSERT INTO dvpe.recovery_code (person, digest) SELECT who, d FROM unnest(recovery) d;
  PERFORM session.forget_proofs(who);
  PERFORM audit.append('person.new_secret', p.name, NULL, NULL);
END
$$;
ALTER FUNCTION people.set_second_factor(uuid, bytea, bytea[]) OWNER TO dvpe_logins;

-- As before, and 'person.unlock', 'person.new_secret'.
CREATE OR REPLACE FUNCTION people.propose(what text, args jsonb, action_grant uuid) RETURNS uuid
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  made uuid;
BEGIN
  IF session.has_role('admin') IS NOT TRUE THEN RAISE EXCEPTION 'only an admin may propose this' USING ERRCODE = '42501'; END IF;
  IF (what IN ('person.add', 'person.roles', 'person.disable', 'person.unlock', 'person.new_secret', 'machine.add',
               'organisation.add')) IS NOT TRUE THEN
    RAISE EXCEPTION 'there is nothing called "%"', what USING ERRCODE = '22023';
  END IF;
  PERFORM session.use_grant(action_grant, session.change('propose', what, args::text));
  INSERT INTO dvpe.proposal (what, args, proposed_by) VALUES (propose.what, propose.args, session.me()) RETURNING id INTO made;
  PERFORM audit.append('propose', made::text, NULL, jsonb_build_object('what', what, 'args', args - 'verifier' - 'secret' - 'recovery'));
  RETURN made;
END
$$;

CREATE OR REPLACE FUNCTION people.decide(which uuid, approve boolean, action_grant uuid) RETURNS void
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
    WHEN 'person.unlock' THEN PERFORM people.unlock((a->>'person')::uuid);
    WHEN 'person.new_secret' THEN
      PERFORM people.set_second_factor((a->>'person')::uuid, decode(a->>'secret', 'hex'),
        ARRAY(SELECT decode(d, 'hex') FROM jsonb_array_elements_text(a->'recovery') d));
    WHEN 'machine.add' THEN PERFORM people.add_machine(a->>'organisation', a->>'name', a->>'role', a->>'verifier');
    WHEN 'organisation.add' THEN
      INSERT INTO dvpe.organisation VALUES (a->>'id', a->>'title', coalesce((a->>'operator')::boolean, false));
      PERFORM audit.append('organisation.add', a->>'id', NULL, a);
  END CASE;
END
$$;

-- As before, and the grant must be an admin's: every order that takes one is an admin's, and names of people are unique
-- within an organisation at best, so an advertiser who is called like an admin could have lent a stolen key the grant.
CREATE OR REPLACE FUNCTION session.use_grant_for(action_grant uuid, person text, change text) RETURNS boolean
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
      AND EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.roleid
                  JOIN pg_catalog.pg_roles u ON u.oid = m.member WHERE r.rolname = 'dvpe_admin' AND u.rolname = p.login)
    RETURNING g.person INTO who;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM audit.append('node.command', use_grant_for.change, NULL,
                       jsonb_build_object('person', use_grant_for.person, 'grant', use_grant_for.action_grant));
  RETURN true;
END
$$;
