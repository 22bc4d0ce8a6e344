//! The mail programs that people have, at a desk on real servers: Thunderbird, Delta Chat,
//! NeoMutt. What a person does is done by the same commands; what they would see is compared, and
//! what arrived is read from the mail server.
//!
//! The servers are those of `tests/desk`. openpgp.js stands there too, beside other libraries.

#[path = "../desk/asking.rs"]
mod asking;
#[allow(dead_code, reason = "tests/desk uses the rest")]
#[path = "../desk/people.rs"]
mod people;
#[allow(dead_code, reason = "tests/desk uses the rest")]
#[path = "../desk/servers.rs"]
mod servers;
#[allow(dead_code, reason = "tests/desk uses the rest")]
#[path = "../desk/world.rs"]
mod world;

mod chats;
mod deltachat;
mod marionette;
mod mutt;
mod post;
mod story;
mod terminal;
mod thunderbird;
