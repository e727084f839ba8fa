//! What an answer must know of a type's data: which names may be compressed, and whose addresses go along.

use crate::dns::rdata;
use crate::dns::rtype::Type;

/// `skip` bytes, then `names` names, then anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub skip: u8,
    pub names: u8,
    pub compress: bool,
    /// The addresses of the name go into the additional section.
    pub address: bool,
}

#[inline]
pub(super) const fn shape(rtype: Type) -> Shape {
    match rdata::names(rtype) {
        rdata::Shape::Opaque => Shape { skip: 0, names: 0, compress: false, address: false },
        rdata::Shape::Names { skip, count, compress } => {
            // NS MX SRV SVCB HTTPS; others have too few askers for the bytes.
            let address = matches!(rtype.0, 2 | 15 | 33 | 64 | 65);
            Shape { skip, names: count, compress, address }
        }
    }
}
