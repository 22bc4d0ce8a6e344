//! How is a case told to people, at a terminal and on the page? In the same words.

mod event;
mod invisible;
mod quotation;
mod state;

pub use event::event_sentence;
pub use invisible::is_invisible;
pub use quotation::{TextPart, text_parts};
pub use state::{acknowledgement, draft, due_in, standing};
