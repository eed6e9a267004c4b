//! Secrets have their own types: what is sent once (`PlainToken`), what is stored (`TokenHash`, `Sealed`) and what is shown
//! (`Mask`) are never the same type. Plain secrets have no readable `Debug` and are overwritten in memory when dropped.

mod grant_part;
mod hash;
mod keys;
mod mask;
mod random;
mod scan;
pub mod sealed;
mod token;

pub use grant_part::GrantPart;
pub use hash::TokenHash;
pub(crate) use keys::mac;
pub use keys::{DerivedKey, MasterKey};
pub use mask::Mask;
pub use random::{RandomSecret, random_name};
pub use scan::{Scanned, scan, scan_mask};
pub use token::{NotAToken, PlainToken, TokenKind};
