//! JSON text, looked at without being copied.
//!
//! [`Cursor`] finds where values begin and end, trusting that brackets match; [`is_valid`] trusts nothing. What was not seen
//! before must be valid before it counts. What was, is: it has the same bytes.

use memchr::memchr2;

/// Deeper texts are left to the other implementation, which knows how to refuse them.
pub const DEEPEST: usize = 64;

/// A place in a JSON text.
pub struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Cursor { text, at: 0 }
    }

    /// Return the next byte that is no white space, without passing it.
    pub fn peek(&mut self) -> Option<u8> {
        while let Some(&byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Pass the next byte if it is `wanted`.
    pub fn take(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    /// Tell whether nothing but white space is left.
    pub fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Pass a value, and return its text.
    pub fn value(&mut self) -> Option<&'a [u8]> {
        let first = self.peek()?;
        let begin = self.at;
        match first {
            b'"' => self.pass_string()?,
            b'{' | b'[' => self.pass_brackets()?,
            _ => self.pass_word(),
        }
        (self.at > begin).then(|| &self.text[begin..self.at])
    }

    /// Pass a string that is spelled as it is meant, and return what is between its quotes.
    pub fn plain_string(&mut self) -> Option<&'a str> {
        self.peek().filter(|&byte| byte == b'"')?;
        plain(self.value()?)
    }

    /// Pass an object; `each` is called with every key, and passes its value.
    pub fn members(&mut self, mut each: impl FnMut(&'a str, &mut Self) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            let key = self.plain_string()?;
            self.take(b':')?;
            each(key, self)?;
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
        }
    }

    /// Pass an array; `each` passes an element.
    pub fn elements(&mut self, mut each: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(b'[')?;
        if self.take(b']').is_some() {
            return Some(());
        }
        loop {
            each(self)?;
            if self.take(b',').is_none() {
                return self.take(b']');
            }
        }
    }

    fn pass_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            self.at += memchr2(b'"', b'\\', self.text.get(self.at..)?)?;
            if self.text[self.at] == b'"' {
                self.at += 1;
                return Some(());
            }
            self.at += 2;
        }
    }

    fn pass_brackets(&mut self) -> Option<()> {
        let mut open = 0usize;
        loop {
            match *self.text.get(self.at)? {
                b'"' => {
                    self.pass_string()?;
                    continue;
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' => open -= 1,
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return Some(());
            }
        }
    }

    fn pass_word(&mut self) {
        while let Some(&byte) = self.text.get(self.at) {
            if matches!(byte, b',' | b'}' | b']' | b':' | b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'{' | b'[') {
                return;
            }
            self.at += 1;
        }
    }
}

/// Return what is between the quotes of a string that needs no escapes.
pub fn plain(string: &[u8]) -> Option<&str> {
    let inside = string.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if first_special(inside).is_some() {
        return None;
    }
    std::str::from_utf8(inside).ok()
}

/// Return the place of the first byte that cannot stand for itself in a string.
fn first_special(inside: &[u8]) -> Option<usize> {
    let is_special = |byte: u8| (byte < 0x20) | (byte == b'\\') | (byte == b'"');
    // Without a way out in the middle of a block, the compiler compares all its bytes at once.
    let block =
        inside.chunks(16).position(|block| block.iter().fold(false, |found, &byte| found | is_special(byte)))?;
    let begin = block * 16;
    inside[begin..].iter().position(|&byte| is_special(byte)).map(|place| begin + place)
}

/// How a string is spelled.
#[derive(PartialEq, Eq)]
pub enum Spelling {
    /// As its canonical form is.
    Canonical,
    /// With escapes that canonical JSON has no need of.
    Escaped,
}

/// Tell how a string is spelled; None if it is not valid, or has half of a surrogate pair.
pub fn spelling(string: &[u8]) -> Option<Spelling> {
    let mut rest = string.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut found = Spelling::Canonical;
    while let Some(place) = first_special(rest) {
        if rest[place] != b'\\' {
            return None;
        }
        let length = match rest.get(place + 1)? {
            b'n' | b'r' | b't' | b'"' | b'\\' => 2,
            b'/' | b'b' | b'f' => {
                found = Spelling::Escaped;
                2
            }
            b'u' => {
                let digits = rest.get(place + 2..place + 6)?;
                let is_surrogate =
                    matches!(digits[0], b'd' | b'D') && matches!(digits[1], b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F');
                if is_surrogate || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                found = Spelling::Escaped;
                6
            }
            _ => return None,
        };
        rest = &rest[place + length..];
    }
    Some(found)
}

/// Call `each` with every member of an object: its key, which must be spelled as it is meant, and the text of its value.
///
/// None if this is no object, or `each` gives up.
pub fn members<'a>(text: &'a [u8], mut each: impl FnMut(&'a str, &'a [u8]) -> Option<()>) -> Option<()> {
    let mut cursor = Cursor::new(text);
    cursor.members(|key, cursor| each(key, cursor.value()?))?;
    cursor.is_at_end().then_some(())
}

/// Return the elements of an array; None if this is none.
pub fn elements(text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut cursor = Cursor::new(text);
    let mut found = Vec::new();
    cursor.elements(|cursor| {
        found.push(cursor.value()?);
        Some(())
    })?;
    cursor.is_at_end().then_some(found)
}

/// Tell whether a text is one JSON value that anybody can read: not too deep, no half characters, no endless exponents.
pub fn is_valid(text: &[u8]) -> bool {
    let mut cursor = Cursor::new(text);
    cursor.valid_value(0).is_some() && cursor.is_at_end()
}

impl Cursor<'_> {
    fn valid_value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'{' if depth < DEEPEST => self.members(|_, cursor| cursor.valid_value(depth + 1)),
            b'[' if depth < DEEPEST => self.elements(|cursor| cursor.valid_value(depth + 1)),
            b'{' | b'[' => None,
            b'"' => spelling(self.value()?).map(|_| ()),
            _ => {
                let word = self.value()?;
                (matches!(word, b"true" | b"false" | b"null") || is_number(word)).then_some(())
            }
        }
    }
}

fn is_number(text: &[u8]) -> bool {
    let (number, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(place) => (&text[..place], Some(&text[place + 1..])),
        None => (text, None),
    };
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    let mut parts = digits.splitn(2, |&byte| byte == b'.');
    let whole = parts.next().unwrap_or_default();
    are_digits(whole)
        && (whole.len() == 1 || whole[0] != b'0')
        && parts.next().is_none_or(are_digits)
        && exponent.is_none_or(|part| {
            let digits = part.strip_prefix(b"-").or(part.strip_prefix(b"+")).unwrap_or(part);
            are_digits(digits) && digits.len() <= 3
        })
}

fn are_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// Tell whether a number is spelled as its canonical form is: no exponent, and a decimal is not tiny.
pub fn is_plain_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, fraction) = match digits.iter().position(|&byte| byte == b'.') {
        Some(point) => (&digits[..point], Some(&digits[point + 1..])),
        None => (digits, None),
    };
    if !are_digits(whole) || whole.len() > 18 || (whole.len() > 1 && whole[0] == b'0') {
        return false;
    }
    match fraction {
        None => text != b"-0",
        // Python writes 0.0000001 as 1E-7.
        Some(part) => {
            are_digits(part)
                && part.len() <= 18
                && (whole != b"0" || part.iter().take_while(|&&digit| digit == b'0').count() < 6)
        }
    }
}
