-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- Who exists in the database. Three kinds of roles, none of which anybody logs in as:
--   dvpe_owner      owns the schema and its tables, and nothing runs as it
--   definers        own the functions through which everything happens; each may touch only what its functions need
--   groups          what people and machines are members of; they may call functions and read rows that policies let through
-- Logins are made by people.create_login: one for each person, node and coordinator, with a random name.

DO $do$
DECLARE
  r text;
BEGIN
  FOREACH r IN ARRAY ARRAY[
    'dvpe_owner',
    -- definers
    'dvpe_clock',      -- reads when a connection was authenticated
    'dvpe_verifiers',  -- reads password verifiers, to compare their digests
    'dvpe_identity',   -- who is asking: proofs, one-time passwords, grants
    'dvpe_logins',     -- creates, disables and re-keys logins
    'dvpe_registry',   -- documents, reviews, releases, nodes, blobs
    'dvpe_auditor',    -- appends to the audit chain
    -- groups
    'dvpe_person', 'dvpe_creator', 'dvpe_advertiser', 'dvpe_ad_operations', 'dvpe_analyst', 'dvpe_broadcaster',
    'dvpe_admin', 'dvpe_machine', 'dvpe_node', 'dvpe_coordinator', 'dvpe_conditioner']
  LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', r);
    END IF;
  END LOOP;
  ALTER ROLE dvpe_logins CREATEROLE;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());  -- CONNECT and TEMP
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO dvpe_person, dvpe_machine', current_database());
END
$do$;

-- A role that is a member of another here gets its rights wherever this script says so; nowhere else is membership given
-- but in people.create_login.
GRANT pg_read_all_stats TO dvpe_clock;
GRANT SELECT (rolname, rolpassword) ON pg_catalog.pg_authid TO dvpe_verifiers;

REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- EXECUTE goes to PUBLIC by default, and a revoke per schema cannot undo that: it has to be taken away from all that a
-- role makes.
DO $do$
DECLARE
  r text;
BEGIN
  FOREACH r IN ARRAY ARRAY[current_user::text, 'dvpe_owner', 'dvpe_clock', 'dvpe_verifiers', 'dvpe_identity', 'dvpe_logins',
                           'dvpe_registry', 'dvpe_auditor']
  LOOP
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC', r);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE USAGE ON TYPES FROM PUBLIC', r);
  END LOOP;
END
$do$;

-- dvpe: tables. The others hold functions: session (who am I), people, registry, audit; crypto is pgcrypto.
CREATE SCHEMA dvpe AUTHORIZATION dvpe_owner;
CREATE SCHEMA session AUTHORIZATION dvpe_owner;
CREATE SCHEMA people AUTHORIZATION dvpe_owner;
CREATE SCHEMA registry AUTHORIZATION dvpe_owner;
CREATE SCHEMA audit AUTHORIZATION dvpe_owner;
CREATE SCHEMA crypto AUTHORIZATION dvpe_owner;
CREATE EXTENSION pgcrypto SCHEMA crypto;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA crypto FROM PUBLIC;

GRANT USAGE ON SCHEMA dvpe, session TO dvpe_person, dvpe_machine;
GRANT USAGE ON SCHEMA people, registry, audit TO dvpe_person, dvpe_machine;
GRANT USAGE ON SCHEMA dvpe, session, people, registry, audit
  TO dvpe_clock, dvpe_verifiers, dvpe_identity, dvpe_logins, dvpe_registry, dvpe_auditor;
GRANT USAGE ON SCHEMA crypto TO dvpe_identity;
GRANT EXECUTE ON FUNCTION crypto.hmac(bytea, bytea, text) TO dvpe_identity;
