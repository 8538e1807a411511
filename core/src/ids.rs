//! Ids as `consumer/names.py` makes them.

use blake2::digest::consts::{U16, U8};
use blake2::{Blake2b, Digest};

pub type Id = [u8; 16];

/// 128 bits of a canonical text, or of a run's id.
pub fn content_id(content: &[u8]) -> Id {
    Blake2b::<U16>::digest(content).into()
}

/// 64 bits, as a number.
pub fn content_id_64(content: &[u8]) -> u64 {
    u64::from_be_bytes(Blake2b::<U8>::digest(content).into())
}

/// Append an id in hexadecimal digits.
pub fn write_hex(id: &Id, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in id {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}
