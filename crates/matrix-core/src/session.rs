//! Password, token, restore; a new login is on disk before its first sync.
