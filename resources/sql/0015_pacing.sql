-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- What the coordinator's plans of pacing must not forget: what was promised to which node, heard of it, and learned. Stored
-- before a plan is sent, so that the next coordinator promises nothing twice. Rewritten every ten seconds; not audited.

CREATE TABLE dvpe.pacing_state (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  state bytea NOT NULL CHECK (length(state) <= 268435456),
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE dvpe.pacing_state OWNER TO dvpe_owner;
ALTER TABLE dvpe.pacing_state ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE ON dvpe.pacing_state TO dvpe_registry;
CREATE POLICY registry ON dvpe.pacing_state TO dvpe_registry USING (true);

CREATE FUNCTION registry.store_pacing(state bytea, epoch bigint) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('coordinator') THEN RAISE EXCEPTION 'only a coordinator plans' USING ERRCODE = '42501'; END IF;
  PERFORM registry.check_epoch(epoch);
  INSERT INTO dvpe.pacing_state AS p (state) VALUES (store_pacing.state)
    ON CONFLICT ON CONSTRAINT pacing_state_pkey DO UPDATE SET state = excluded.state, at = clock_timestamp();
END
$$;
ALTER FUNCTION registry.store_pacing(bytea, bigint) OWNER TO dvpe_registry;
GRANT EXECUTE ON FUNCTION registry.store_pacing(bytea, bigint) TO dvpe_coordinator;

-- No row: no plan has been made yet.
CREATE FUNCTION registry.pacing() RETURNS SETOF bytea
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT session.has_role('coordinator') THEN RAISE EXCEPTION 'only a coordinator plans' USING ERRCODE = '42501'; END IF;
  RETURN QUERY SELECT p.state FROM dvpe.pacing_state p;
END
$$;
ALTER FUNCTION registry.pacing() OWNER TO dvpe_registry;
GRANT EXECUTE ON FUNCTION registry.pacing() TO dvpe_coordinator;
