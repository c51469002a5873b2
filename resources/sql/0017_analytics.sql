-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- This number is taken, and its contents come from elsewhere: migrations are numbered without a gap.
DO $do$ BEGIN END $do$;
