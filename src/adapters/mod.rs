//! How are the ports fulfilled? One module a system, and none names another.

pub mod alarm;
pub mod announcer;
pub mod calendar;
pub mod checkout;
pub mod clock;
pub mod dmarc;
pub mod folder_courier;
pub mod folder_tracker;
pub mod github;
pub mod gitlab;
pub mod hook_tracker;
pub mod imap;
pub mod maildir;
pub mod net;
pub mod opener;
pub mod published;
pub mod site;
pub mod smtp;
pub mod sqlite;
