//! Where names stand in record data, as far as answers need to know.

use crate::dns::rtype::Type;

/// `skip` bytes, then `names` names, then anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub skip: u8,
    pub names: u8,
    /// Only the types of RFC 1035 may be compressed (RFC 3597 §4).
    pub compress: bool,
    /// The name's addresses go into the additional section.
    pub address: bool,
}

#[inline]
pub const fn shape(rtype: Type) -> Shape {
    let (skip, names, compress, address) = match rtype.0 {
        // NS
        2 => (0, 1, true, true),
        // MD MF CNAME MB MG MR PTR
        3 | 4 | 5 | 7 | 8 | 9 | 12 => (0, 1, true, false),
        // SOA MINFO
        6 | 14 => (0, 2, true, false),
        // MX
        15 => (2, 1, true, true),
        // SRV
        33 => (6, 1, false, true),
        // SVCB HTTPS
        64 | 65 => (2, 1, false, true),
        _ => (0, 0, false, false),
    };
    Shape { skip, names, compress, address }
}
