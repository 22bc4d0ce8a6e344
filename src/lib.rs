//! Sealdesk: the desk behind a project's security@ address. This page is the map of the house.
//!
//! ```text
//! mailbox.fetch ─► spool (sealed, durable) ─► decide::on_arrival ─► mailbox.settle     the letter is ours
//!                                                 │ case, clock, acknowledgement due
//! opener: outer ► open ► read ► classify  ◄───────┘ one process a letter, no network, no files
//!                  │
//!            decide::on_reading ─► store.commit            one transaction: case + effects + journal
//!                                      │
//! outbox: lease ► compose ► courier / tracker ► settle     at least once, keyed
//! deadlines: decide::on_clock ► commit                     humans are called before a promise breaks
//! ```
//!
//! The floors, lowest first; `tests/house.rs` holds the law that a module names only what is below
//! it:
//!
//! | floor | rooms | what they are |
//! |---|---|---|
//! | 0 | [`model`] | nouns |
//! | 1 | [`openpgp`] [`smime`] [`mime`] [`triage`] [`decide`] [`compose`] | one standard or one question each; all pure |
//! | 2 | [`ports`] [`reading`] | what we need of the world; how one letter is read, in the jail |
//! | 3 | [`desk`] [`cases`] [`pipeline`] | a desk's ports, commands on cases, and the loops |
//! | 4 | [`grammar`] [`metrics`] [`control`] | how a desk is commanded, measured and asked |
//! | 5 | [`adapters`] [`config`] | the world: IMAP, SMTP, GitHub, SQLite, the opener's processes; the operator's settings |
//! | 6 | [`page`] | what responders see in a browser: a process of its own, which asks the desk |
//! | 7 | [`wiring`] [`daemon`] [`cli`] | a desk put together, run, and its command line |
//!
//! What is deliberately absent. Only `openpgp` names sequoia, only `mime` mail-parser, only `smime` reads ASN.1. `decide`
//! knows no clock, no port and no randomness. No adapter names another. The desk's process holds no
//! secret key and parses no body: both belong to [`adapters::opener`]. An effect holds no text. No
//! log holds a subject, a body or an address. Nothing that only decryption shows decides what
//! leaves by itself.
//!
//! `docs/architecture.md` says why, and has our words. Where to read first: [`model::case`] for the
//! states, [`decide`] for the rules, [`reading`] for how a letter is opened, [`adapters::opener`] for where the keys live,
//! [`ports`] for the seams.

pub mod adapters;
pub mod cases;
pub mod cli;
pub mod compose;
pub mod config;
pub mod control;
pub mod daemon;
pub mod decide;
pub mod desk;
pub mod grammar;
pub mod metrics;
pub mod mime;
pub mod model;
pub mod openpgp;
pub mod page;
pub mod pipeline;
pub mod ports;
pub mod reading;
pub mod smime;
pub mod triage;
pub mod wiring;
