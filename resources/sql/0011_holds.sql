-- SPDX-License-Identifier: GPL-3.0-or-later
-- SPDX-FileCopyrightText: The DVPE authors
--
-- Nodes look for holds every two seconds and whenever a document is stored: not through all documents.

CREATE INDEX revision_hold ON dvpe.revision (organisation, document, revision) WHERE kind = 'hold';
