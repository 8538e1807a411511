//! Canonical JSON of texts that are nearly so: only white space and the order of members may differ.
//!
//! What it is, is defined in `consumer/canonical.py`. Whatever could be spelled in two ways (escapes, exponents) is left to that.

use std::hash::Hasher;

use ahash::AHasher;

use crate::scan::{elements, is_plain_number, members, spelling, Spelling, DEEPEST};

/// Append the canonical form of `text` to `out`. None if it is not valid, or not plain enough.
///
/// `structure` takes in the keys and the kinds of values, and nothing of what they are.
pub fn canonical(text: &[u8], out: &mut Vec<u8>, structure: &mut AHasher) -> Option<()> {
    write(text, out, structure, 0)
}

fn write(text: &[u8], out: &mut Vec<u8>, structure: &mut AHasher, depth: usize) -> Option<()> {
    match text.first()? {
        b'{' if depth < DEEPEST => write_object(text, out, structure, depth)?,
        b'[' if depth < DEEPEST => write_array(text, out, structure, depth)?,
        b'"' => {
            (spelling(text)? == Spelling::Canonical).then_some(())?;
            structure.write_u8(b's');
            out.extend_from_slice(text);
        }
        b't' | b'f' | b'n' => {
            matches!(text, b"true" | b"false" | b"null").then_some(())?;
            structure.write_u8(if text == b"null" { b'n' } else { b'b' });
            out.extend_from_slice(text);
        }
        b'-' | b'0'..=b'9' => {
            is_plain_number(text).then_some(())?;
            structure.write_u8(if text.contains(&b'.') { b'f' } else { b'i' });
            out.extend_from_slice(text);
        }
        _ => return None,
    }
    Some(())
}

fn write_array(text: &[u8], out: &mut Vec<u8>, structure: &mut AHasher, depth: usize) -> Option<()> {
    structure.write_u8(b'[');
    out.push(b'[');
    for (place, element) in elements(text)?.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(element, out, structure, depth + 1)?;
    }
    out.push(b']');
    structure.write_u8(b']');
    Some(())
}

fn write_object(text: &[u8], out: &mut Vec<u8>, structure: &mut AHasher, depth: usize) -> Option<()> {
    let mut found: Vec<(&str, &[u8])> = Vec::new();
    members(text, |key, value| {
        found.push((key, value));
        Some(())
    })?;
    found.sort_by_key(|member| member.0);
    if found.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return None; // the last one holds; somebody else may find out which
    }
    structure.write_u8(b'{');
    out.push(b'{');
    for (place, (key, value)) in found.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\":");
        structure.write(key.as_bytes());
        structure.write_u8(b':');
        write(value, out, structure, depth + 1)?;
    }
    out.push(b'}');
    structure.write_u8(b'}');
    Some(())
}
