-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- A conditioner works for all organisations, so it reads the profiles that it is asked to condition for, whoever's they
-- are. Nothing else of others: sources it has by their digest.

CREATE OR REPLACE FUNCTION registry.may_read(organisation text, kind text) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(organisation = session.organisation() OR session.has_role('admin') OR session.has_role('coordinator')
                  OR session.has_role('node')
                  OR (kind IN ('campaign', 'creative', 'media') AND session.has_role('ad_operations'))
                  OR (kind = 'profile' AND session.has_role('conditioner')), false)
$$;
