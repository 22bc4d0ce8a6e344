//! How does a letter move from the mailbox to its answer? Loops over ports; no adapter is named here.

pub mod reading;
