//! Message text as a person reads it.
