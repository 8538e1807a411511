//! The door for Python: records in, rows in a ledger out.
//!
//! Records are gone through twice. The first time nothing of Python is needed, so that others may use the interpreter: parts
//! that were seen before, and facets that are only kept. Events with a part that Python has to read come second. Both are done
//! for some records at a time, since what is new in one of them is often in the next.

use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::PyList;

use crate::ids::content_id;
use crate::ledger::{locked, Event, Ledger, Place, Rows, Run, Stamp};
use crate::memory::{Memory, Parts, Stop};
use crate::parts::{passing, Entity, Names, Passing, Said};

/// Records whose new parts wait for Python together: with fewer, it is asked for the interpreter too often.
const RECORDS_AT_A_TIME: usize = 128;

/// Takes events apart, and remembers what it has taken apart.
///
/// In a box, so that it lies where Rust wants it: Python aligns its objects to 16 bytes, whatever is in them.
#[pyclass(module = "headwater._core")]
pub struct Splitter(Box<Memory>);

/// Where a record came from.
#[derive(FromPyObject)]
struct Record(PyBackedStr, i64, i64, Option<PyBackedBytes>, i64);

#[pymethods]
impl Splitter {
    /// Make a splitter whose memory of parts takes about twice `cache_bytes` at most.
    #[new]
    fn new(cache_bytes: usize, most_facet_bytes: Option<usize>) -> Self {
        Splitter(Box::new(Memory::new(cache_bytes, most_facet_bytes.unwrap_or(usize::MAX))))
    }

    /// Take nothing for known: a batch was thrown away.
    fn forget(&mut self) {
        self.0.forget();
    }

    /// Fold records into a ledger; return the places in the list of those that are not ordinary, or too large.
    ///
    /// `reader` is asked for what is new; see `headwater.core`.
    fn fold(
        &mut self,
        py: Python<'_>,
        records: &Bound<'_, PyList>,
        received_at: i64,
        record_bytes: usize,
        ledger: &Bound<'_, Ledger>,
        reader: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<usize>> {
        let records: Vec<Record> = records.extract()?;
        let rows = ledger.get().shared();
        let memory = &mut *self.0;
        let mut left = Vec::new();
        for (turn, records) in records.chunks(RECORDS_AT_A_TIME).enumerate() {
            let first = turn * RECORDS_AT_A_TIME;
            let (unusual, asking) = py.detach(|| fold_seen(memory, records, received_at, record_bytes, &rows));
            left.extend(unusual.iter().map(|place| first + place));
            for (place, value) in asking {
                let taken = memory.take(value, Some(reader));
                let mut rows = locked(&rows);
                add_documents(memory, &mut rows);
                match taken {
                    Ok(event) => add(&memory.names, event, &records[place], received_at, &mut rows),
                    Err(Stop::Failed(error)) if !is_unreadable(py, &error)? => return Err(error),
                    Err(_) => left.push(first + place),
                }
            }
        }
        left.sort_unstable();
        Ok(left)
    }
}

/// Tell whether Python said that an event cannot be read: it will say so again, to whom it may concern.
fn is_unreadable(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    Ok(error.is_instance(py, &py.import("headwater.errors")?.getattr("UnreadableRecord")?))
}

/// Fold what needs no Python; return the places of what is not ordinary, and of what needs it, with its bytes.
fn fold_seen<'a>(
    memory: &mut Memory,
    records: &'a [Record],
    received_at: i64,
    record_bytes: usize,
    rows: &Mutex<Rows>,
) -> (Vec<usize>, Vec<(usize, &'a PyBackedBytes)>) {
    let mut rows = locked(rows);
    let (mut left, mut asking) = (Vec::new(), Vec::new());
    for (place, record) in records.iter().enumerate() {
        let Some(value) = record.3.as_ref().filter(|value| value.len() <= record_bytes) else {
            left.push(place);
            continue;
        };
        match memory.take(value, None) {
            Ok(event) => add(&memory.names, event, record, received_at, &mut rows),
            Err(Stop::Ask) => asking.push((place, value)),
            Err(_) => left.push(place),
        }
    }
    add_documents(memory, &mut rows);
    (left, asking)
}

fn add_documents(memory: &mut Memory, rows: &mut Rows) {
    for (id, body) in memory.documents.drain(..) {
        rows.add_document(id, &body, false);
    }
}

/// Add an event to a ledger.
fn add(names: &Names, event: Parts, record: &Record, received_at: i64, rows: &mut Rows) {
    let event_id = content_id(&event.skeleton);
    let run_key = content_id(event.run_id.as_bytes());
    let time = event.event_time;
    let stamp = Stamp(time, event_id);
    let is_new = rows.add_event(&Event {
        event_id,
        kind: "run",
        event_type: event.event_type,
        event_time: time,
        run_key: Some(run_key),
        shape_id: event.shape_id,
        topic: &record.0,
        partition: record.1,
        offset: record.2,
        element: record.4,
        received_at,
        skeleton: &event.skeleton,
    });
    if !is_new {
        return;
    }
    rows.see_shape(event.shape_id, stamp);
    rows.see_run(run_key, run_of(names, &event, stamp));
    let job_id = Some(event.job.job_id);
    let mut see = |passing: &Passing, direction: Option<&Arc<str>>, dataset_id: Option<u64>| {
        let place = Place {
            entity: passing.entity.clone(),
            run_key: Some(run_key),
            direction: direction.cloned(),
            dataset_id,
            job_id,
            key: passing.key.clone(),
        };
        rows.see_passing(place, stamp, passing.document, passing.measures);
    };
    for facet in event.facets.iter().filter(|facet| facet.passes) {
        see(&passing(&names.entities[Entity::Run as usize], facet), None, None);
    }
    for facet in &event.job.passing {
        see(facet, None, None);
    }
    for (datasets, direction) in [(&event.inputs, &names.input), (&event.outputs, &names.output)] {
        for dataset in datasets {
            for facet in dataset.stem.passing.iter().chain(&dataset.own) {
                see(facet, Some(direction), Some(dataset.stem.dataset_id));
            }
        }
    }
}

fn run_of(names: &Names, event: &Parts, stamp: Stamp) -> Run {
    let (mut nominal, mut parent, mut error) = (None, None, None);
    for facet in &event.facets {
        match &facet.said {
            Said::Nominal(start, end) => nominal = Some((stamp, (*start, *end))),
            Said::Parent(said) if parent.is_none() => parent = Some((stamp, said.clone())),
            Said::Error(message) => error = Some((stamp, message.clone())),
            _ => {}
        }
    }
    let state = event.event_type.and_then(|said| names.state(said));
    Run {
        run_id: event.run_id.into(),
        first_at: stamp.0,
        started_at: (event.event_type == Some("START")).then_some(stamp.0),
        last_at: stamp.0,
        state: state.map(|(_, rank, name)| (*rank, stamp, name.clone())),
        job: (stamp, event.job.job_id),
        producer: (stamp, event.producer.map(Into::into)),
        nominal,
        parent,
        error,
        source: event.job.source_version.clone().map(|version| (stamp, version)),
    }
}
