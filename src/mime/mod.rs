//! What shape has a letter? Octets to entities, their faults, and where the OpenPGP part sits.
//!
//! The only user of mail-parser. Reading never fails whole except at a limit: what is odd becomes a
//! fault beside the value. Nothing here decrypts, and nothing here is asked about a key.

mod archive;
mod authentication;
mod body;
mod body_digests;
mod control;
mod delivery;
mod entity;
mod filename;
mod inline;
mod layout;
mod markup;
mod outer;
mod path;
mod precheck;
mod quotes;
mod secret_key;
mod sniff;
mod tolerant;
mod transfer;
mod uuencoded;

pub use archive::entries;
pub use body::{Body, decode, decode_page, html_text, is_html};
pub use body_digests::BodyDigester;
pub use control::is_control;
pub use delivery::delivery;
pub use entity::{Entity, File, ProtectedHeaders};
pub use filename::safe_name;
pub use inline::{Block, BlockKind, blocks, has_armor};
pub use layout::{Layout, Sealed, is_smime_name};
pub use markup::is_tame;
pub use outer::{OwnAddresses, OwnList, arrival, header_block_end, header_end, outer};
pub use path::{Path, path};
pub use precheck::LimitExceeded;
pub use quotes::{begins_old_letter, ends_in_old_letter, stands_in_old_letter};
pub use secret_key::{LEFT_OUT, holds_secret_key, without_secret_keys};
pub use sniff::{is_binary, is_encrypted_message, is_openpgp_message, true_type};
pub use tolerant::entity_in;
pub use uuencoded::{may_be_uuencoded, uuencoded};

/// The desk itself never looks beyond this many octets of a letter.
pub const HEADER_BLOCK_OCTETS_MAX: usize = 256 * 1024;
