#pragma once

namespace vecferry {

/// PRAGMA application_id of a journal: "VFJ1".
inline constexpr int kJournalApplicationId = 0x56464A31;

/// The tables of docs/reference/journal.md. A change of meaning raises Journal::kVersion.
inline constexpr const char* kJournalSchema = R"sql(
CREATE TABLE run(
  id TEXT PRIMARY KEY, command TEXT, source TEXT, target TEXT, pair TEXT, fingerprint TEXT, plan TEXT, version TEXT,
  state TEXT NOT NULL, exit_code INTEGER, started REAL, updated REAL, finished REAL, total INTEGER, summary TEXT,
  sink_state BLOB);
CREATE TABLE phase(name TEXT PRIMARY KEY, started REAL, finished REAL, result TEXT);
CREATE TABLE split(
  number INTEGER PRIMARY KEY, payload TEXT NOT NULL, label TEXT, cursor BLOB NOT NULL, done INTEGER NOT NULL,
  rows INTEGER NOT NULL, written INTEGER NOT NULL, skipped INTEGER NOT NULL, rejected INTEGER NOT NULL,
  bytes INTEGER NOT NULL, batches INTEGER NOT NULL, last_id TEXT);
CREATE TABLE digest(sequence INTEGER PRIMARY KEY, split INTEGER NOT NULL, part BLOB NOT NULL);
CREATE TABLE stored_digest(sequence INTEGER PRIMARY KEY, split INTEGER NOT NULL, part BLOB NOT NULL);
CREATE TABLE hashes(sequence INTEGER PRIMARY KEY, split INTEGER NOT NULL, part BLOB NOT NULL);
CREATE TABLE reject(
  split INTEGER, ordinal INTEGER, id TEXT, tenant TEXT, code TEXT NOT NULL, message TEXT, record TEXT,
  PRIMARY KEY(split, ordinal)) WITHOUT ROWID;
CREATE TABLE mismatch(sequence INTEGER PRIMARY KEY, id TEXT, tenant TEXT, field TEXT, source_value TEXT, target_value TEXT,
  UNIQUE(tenant, id, field) ON CONFLICT REPLACE);
CREATE TABLE intent(sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL, at REAL);
CREATE TABLE before_image(
  sequence INTEGER PRIMARY KEY, tenant TEXT NOT NULL, id TEXT NOT NULL, image BLOB, restored INTEGER NOT NULL DEFAULT 0,
  UNIQUE(tenant, id) ON CONFLICT IGNORE);
CREATE TABLE activity(sequence INTEGER PRIMARY KEY, process TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE part(sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, part BLOB NOT NULL);
CREATE TABLE duplicate(split INTEGER, row INTEGER, PRIMARY KEY(split, row)) WITHOUT ROWID;
)sql";

/// Of journals that were begun before it was kept: it says nothing that a run depends on, so it has no version of its own.
inline constexpr const char* kJournalActivity =
    "CREATE TABLE IF NOT EXISTS activity(sequence INTEGER PRIMARY KEY, process TEXT NOT NULL UNIQUE, body TEXT NOT NULL);";

/// From versions 1 and 2.
inline constexpr const char* kJournalUpgrade = R"sql(
CREATE TABLE IF NOT EXISTS stored_digest(sequence INTEGER PRIMARY KEY, split INTEGER NOT NULL, part BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS part(sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, part BLOB NOT NULL);
)sql";

}  // namespace vecferry
