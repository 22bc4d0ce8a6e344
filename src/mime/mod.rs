//! What shape has a letter? Octets to entities, their faults, and where the OpenPGP part sits.
//!
//! The only user of mail-parser. Reading never fails whole except at a limit: what is odd becomes a
//! fault beside the value. Nothing here decrypts, and nothing here is asked about a key.

mod entity;
mod filename;
mod inline;
mod outer;
mod precheck;
mod tolerant;

pub use entity::{Entity, File, Layout, ProtectedHeaders};
pub use filename::safe_name;
pub use inline::{Block, BlockKind, blocks};
pub use outer::{Perspective, header_block_end, outer};
pub use precheck::{LETTER_OCTETS_MAX, LimitExceeded, check};

/// The desk itself never looks beyond this many octets of a letter.
pub const HEADER_BLOCK_OCTETS_MAX: usize = 256 * 1024;
