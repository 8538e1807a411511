//! The part of Headwater that every byte of every event goes through, as a module for Python: `headwater._core`.
//!
//! It changes nothing but speed. `consumer/fold.py` and `consumer/ledger.py` do the same where it could not be built.

mod cache;
mod canonical;
mod columns;
mod envelope;
mod ids;
mod ledger;
mod memory;
mod parts;
mod scan;
mod split;
mod time;

use pyo3::prelude::*;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ledger::Ledger>()?;
    module.add_class::<split::Splitter>()?;
    Ok(())
}
