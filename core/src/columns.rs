//! Columns in the layout of Arrow, so that nothing has to be copied or converted once a batch is full.
//!
//! Format: <https://arrow.apache.org/docs/format/Columnar.html>, "Physical memory layout".

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

/// A bit for each row, the lowest first.
#[derive(Default)]
pub struct Bits {
    bytes: Vec<u8>,
    length: usize,
    zeros: usize,
}

impl Bits {
    pub fn push(&mut self, bit: bool) {
        if self.length % 8 == 0 {
            self.bytes.push(0);
        }
        if bit {
            self.bytes[self.length / 8] |= 1 << (self.length % 8);
        } else {
            self.zeros += 1;
        }
        self.length += 1;
    }

    /// As validity: None if every row is there.
    fn validity<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        (self.zeros > 0).then(|| PyBytes::new(py, &self.bytes))
    }
}

/// What every column can do.
pub trait Column {
    /// Return the buffers: validity, then offsets or children where the type has them, then data.
    fn buffers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>>;
}

/// Values of one width: numbers, times, ids.
#[derive(Default)]
pub struct Fixed<const WIDTH: usize> {
    data: Vec<u8>,
    valid: Bits,
}

impl<const WIDTH: usize> Fixed<WIDTH> {
    pub fn push(&mut self, value: Option<[u8; WIDTH]>) {
        self.valid.push(value.is_some());
        self.data.extend_from_slice(&value.unwrap_or([0; WIDTH]));
    }
}

impl Fixed<8> {
    pub fn number(&mut self, value: i64) {
        self.push(Some(value.to_le_bytes()));
    }

    pub fn maybe(&mut self, value: Option<i64>) {
        self.push(value.map(i64::to_le_bytes));
    }

    pub fn id(&mut self, value: Option<u64>) {
        self.push(value.map(u64::to_le_bytes));
    }

    /// Return the values, 0 where there is none.
    pub fn numbers(&self) -> Vec<i64> {
        self.data.chunks_exact(8).map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap_or_default())).collect()
    }
}

impl<const WIDTH: usize> Column for Fixed<WIDTH> {
    fn buffers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        (self.valid.validity(py), PyBytes::new(py, &self.data)).into_pyobject(py)
    }
}

/// Texts.
pub struct Text {
    ends: Vec<u8>,
    data: Vec<u8>,
    valid: Bits,
}

impl Default for Text {
    fn default() -> Self {
        Text { ends: vec![0; 4], data: Vec::new(), valid: Bits::default() }
    }
}

impl Text {
    pub fn push(&mut self, value: Option<&str>) {
        self.bytes(value.map(str::as_bytes));
    }

    pub fn bytes(&mut self, value: Option<&[u8]>) {
        self.valid.push(value.is_some());
        self.data.extend_from_slice(value.unwrap_or_default());
        // A batch is of 256 MB at most (`batch_bytes`), and marks make a skeleton no seven times as long.
        self.ends.extend_from_slice(&i32::try_from(self.data.len()).unwrap_or(i32::MAX).to_le_bytes());
    }
}

impl Column for Text {
    fn buffers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        (self.valid.validity(py), PyBytes::new(py, &self.ends), PyBytes::new(py, &self.data)).into_pyobject(py)
    }
}

/// Truth values.
#[derive(Default)]
pub struct Truth(Bits);

impl Truth {
    pub fn push(&mut self, value: bool) {
        self.0.push(value);
    }
}

impl Column for Truth {
    fn buffers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        (py.None(), PyBytes::new(py, &self.0.bytes)).into_pyobject(py)
    }
}

/// Structures: which rows have one, and the columns of their fields.
pub struct Struct<'a> {
    pub valid: &'a Bits,
    pub fields: Vec<&'a dyn Column>,
}

impl Column for Struct<'_> {
    fn buffers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let fields = all_buffers(py, &self.fields)?;
        (self.valid.validity(py), fields).into_pyobject(py)
    }
}

/// Return the buffers of several columns.
pub fn all_buffers<'py>(py: Python<'py>, columns: &[&dyn Column]) -> PyResult<Bound<'py, PyList>> {
    let buffers = columns.iter().map(|column| column.buffers(py)).collect::<PyResult<Vec<_>>>()?;
    PyList::new(py, buffers)
}
