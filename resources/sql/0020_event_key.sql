-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- An event's key begins with what tells it apart. With the day in front, "of this batch, of these days" was answered by
-- reading the whole day's index beside the batch's: counting took longer the later it was in the day.
ALTER TABLE dvpe.event DROP CONSTRAINT event_pkey, ADD PRIMARY KEY (id, day);
