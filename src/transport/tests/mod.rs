//! Real sockets on the loopback, with handlers made for the purpose.
