//! The page for responders, over HTTP: a desk and a page as they run, letters opened by GnuPG, and
//! whoever tries to get in without one.

mod browser;
mod screens;
mod sign_in;
mod world;
