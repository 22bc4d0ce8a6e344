//! The whole desk on real servers: our binary, Dovecot, Postfix, GnuPG, sq, RNP, and GitHub's
//! contract.
//!
//! Postfix wants root, so these tests do too. Each world has its own servers in its own folder.

mod answers;
mod asking;
mod crash;
mod faults;
mod flood;
mod kinds;
mod logins;
mod network;
mod oauth;
mod oracle;
mod people;
mod proof;
mod proxy;
mod secrets;
mod servers;
mod story;
mod tracker;
mod world;
