-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- One admin can store a revision of the keys that two have not signed: the database cannot tell. Nodes and coordinators pass
-- over it; before, its number alone kept every release from being published.

-- Compare-and-swap: base must be the newest release there is. Returns its number.
CREATE OR REPLACE FUNCTION registry.publish(base bigint, sequence bigint, keys_revision int, contents bytea, key text, signature bytea,
                                 epoch bigint) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM registry.check_epoch(epoch);
  IF base <> coalesce((SELECT max(r.sequence) FROM dvpe.release r), 0) THEN
    RAISE EXCEPTION 'there is a newer release than %', base USING ERRCODE = '40001';
  END IF;
  IF keys_revision < coalesce((SELECT max(r.keys_revision) FROM dvpe.release r), 0) THEN
    RAISE EXCEPTION 'revision % of the keys is in force no more', keys_revision USING ERRCODE = '40001';
  END IF;
  INSERT INTO dvpe.release (sequence, base, keys_revision, contents, key, signature, coordinator)
    VALUES (publish.sequence, publish.base, publish.keys_revision, publish.contents, publish.key, publish.signature, session.machine());
  PERFORM audit.append('release.publish', sequence::text, to_jsonb(base), to_jsonb(encode(sha256(contents), 'hex')));
  NOTIFY dvpe_release;  -- a hint: nodes look for themselves
END
$$;
