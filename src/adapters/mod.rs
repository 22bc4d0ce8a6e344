//! How are the ports fulfilled? One module a system, and none names another.

pub mod opener;
pub mod sqlite;
