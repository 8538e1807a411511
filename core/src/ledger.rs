//! The rows that every event brings, merged by key: what `consumer/ledger.py` does, in columns from the start.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ahash::{AHashMap, AHashSet};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::columns::{all_buffers, Bits, Column, Fixed, Struct, Text, Truth};
use crate::ids::Id;

/// An event's time and id: the newest wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(pub i64, pub Id);

/// A value of which the newest counts.
pub type Stamped<T> = (Stamp, T);

/// What the events of a batch say about a run; see `RunRow` in `consumer/rows.py`.
pub struct Run {
    pub run_id: Arc<str>,
    pub first_at: i64,
    pub started_at: Option<i64>,
    pub last_at: i64,
    pub state: Option<(u8, Stamp, Arc<str>)>,
    pub job: Stamped<u64>,
    pub producer: Stamped<Option<Arc<str>>>,
    pub nominal: Option<Stamped<(Option<i64>, Option<i64>)>>,
    pub parent: Option<Stamped<Arc<Parent>>>,
    pub error: Option<Stamped<Option<Arc<str>>>>,
    pub source: Option<Stamped<Arc<str>>>,
}

/// What a `parent` facet says.
#[derive(FromPyObject)]
pub struct Parent(pub Option<String>, pub Option<String>, pub Option<String>, pub Option<String>);

/// Keep the greater of two stamped values.
fn newest<T>(known: &mut Option<Stamped<T>>, other: Option<Stamped<T>>) {
    if let Some(other) = other {
        if known.as_ref().is_none_or(|known| known.0 < other.0) {
            *known = Some(other);
        }
    }
}

impl Run {
    fn merge(&mut self, other: Run) {
        self.first_at = self.first_at.min(other.first_at);
        self.started_at = match (self.started_at, other.started_at) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.last_at = self.last_at.max(other.last_at);
        if let Some(state) = other.state {
            let is_newer = |known: &(u8, Stamp, Arc<str>)| (known.0, known.1) < (state.0, state.1);
            if self.state.as_ref().is_none_or(is_newer) {
                self.state = Some(state);
            }
        }
        if self.job.0 < other.job.0 {
            self.job = other.job;
        }
        if self.producer.0 < other.producer.0 {
            self.producer = other.producer;
        }
        newest(&mut self.nominal, other.nominal);
        newest(&mut self.parent, other.parent);
        newest(&mut self.error, other.error);
        newest(&mut self.source, other.source);
    }
}

/// An event; see `EventRow` in `consumer/rows.py`.
pub struct Event<'a> {
    pub event_id: Id,
    pub kind: &'a str,
    pub event_type: Option<&'a str>,
    pub event_time: i64,
    pub run_key: Option<Id>,
    pub shape_id: u64,
    pub topic: &'a str,
    pub partition: i64,
    pub offset: i64,
    pub element: i64,
    pub received_at: i64,
    pub skeleton: &'a [u8],
}

/// What a facet that passes hangs on.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Place {
    pub entity: Arc<str>,
    pub run_key: Option<Id>,
    pub direction: Option<Arc<str>>,
    pub dataset_id: Option<u64>,
    pub job_id: Option<u64>,
    pub key: Arc<str>,
}

#[derive(Default)]
pub struct Rows {
    ids: AHashSet<Id>,
    events: Events,
    duplicates: Duplicates,
    runs: AHashMap<Id, Run>,
    shapes: AHashMap<u64, (i64, Stamp)>,
    passing: AHashMap<Place, (Stamp, Id)>,
    measured: AHashSet<(Place, Stamp, Id)>,
    document_ids: AHashSet<Id>,
    documents: Documents,
}

#[derive(Default)]
struct Events {
    event_id: Fixed<16>,
    kind: Text,
    event_type: Text,
    event_time: Fixed<8>,
    run_key: Fixed<16>,
    shape_id: Fixed<8>,
    topic: Text,
    partition: Fixed<8>,
    offset: Fixed<8>,
    element: Fixed<8>,
    received_at: Fixed<8>,
    skeleton: Text,
}

#[derive(Default)]
struct Duplicates {
    length: usize,
    event_id: Fixed<16>,
    event_time: Fixed<8>,
    topic: Text,
    partition: Fixed<8>,
    offset: Fixed<8>,
    element: Fixed<8>,
    received_at: Fixed<8>,
}

#[derive(Default)]
struct Documents {
    document_id: Fixed<16>,
    body: Text,
    deleted: Truth,
}

impl Events {
    /// In the order of `EventRow`.
    fn columns(&self) -> [&dyn Column; 12] {
        [
            &self.event_id,
            &self.kind,
            &self.event_type,
            &self.event_time,
            &self.run_key,
            &self.shape_id,
            &self.topic,
            &self.partition,
            &self.offset,
            &self.element,
            &self.received_at,
            &self.skeleton,
        ]
    }
}

impl Duplicates {
    /// In the order of `DuplicateRow`.
    fn columns(&self) -> [&dyn Column; 7] {
        [&self.event_id, &self.event_time, &self.topic, &self.partition, &self.offset, &self.element, &self.received_at]
    }
}

impl Rows {
    /// Add an event; false, and a duplicate more, if it is there already.
    pub fn add_event(&mut self, event: &Event) -> bool {
        if !self.ids.insert(event.event_id) {
            let to = &mut self.duplicates;
            to.length += 1;
            to.event_id.push(Some(event.event_id));
            to.event_time.number(event.event_time);
            to.topic.push(Some(event.topic));
            to.partition.number(event.partition);
            to.offset.number(event.offset);
            to.element.number(event.element);
            to.received_at.number(event.received_at);
            return false;
        }
        let to = &mut self.events;
        to.event_id.push(Some(event.event_id));
        to.kind.push(Some(event.kind));
        to.event_type.push(event.event_type);
        to.event_time.number(event.event_time);
        to.run_key.push(event.run_key);
        to.shape_id.id(Some(event.shape_id));
        to.topic.push(Some(event.topic));
        to.partition.number(event.partition);
        to.offset.number(event.offset);
        to.element.number(event.element);
        to.received_at.number(event.received_at);
        to.skeleton.bytes(Some(event.skeleton));
        true
    }

    pub fn see_run(&mut self, key: Id, run: Run) {
        match self.runs.get_mut(&key) {
            Some(known) => known.merge(run),
            None => {
                self.runs.insert(key, run);
            }
        }
    }

    pub fn see_shape(&mut self, shape_id: u64, stamp: Stamp) {
        let seen = self.shapes.entry(shape_id).or_insert((stamp.0, stamp));
        seen.0 = seen.0.min(stamp.0);
        seen.1 = seen.1.max(stamp);
    }

    /// Keep a facet if it is the newest of its place, and a measurement in any case.
    pub fn see_passing(&mut self, place: Place, stamp: Stamp, document: Id, is_measurement: bool) {
        if is_measurement {
            self.measured.insert((place, stamp, document));
            return;
        }
        let newest = self.passing.entry(place).or_insert((stamp, document));
        *newest = (*newest).max((stamp, document));
    }

    pub fn add_document(&mut self, id: Id, body: &[u8], deleted: bool) {
        if self.document_ids.insert(id) {
            self.documents.document_id.push(Some(id));
            self.documents.body.bytes(Some(body));
            self.documents.deleted.push(deleted);
        }
    }
}

/// A [`Rows`] that Python and the splitter both write to.
#[pyclass(frozen, module = "headwater._core")]
#[derive(Default)]
pub struct Ledger {
    rows: Arc<Mutex<Rows>>,
}

impl Ledger {
    pub fn shared(&self) -> Arc<Mutex<Rows>> {
        self.rows.clone()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        locked(&self.rows)
    }
}

/// Lock rows, though somebody panicked: there is no half-done change that could do harm, the batch is thrown away.
pub fn locked(rows: &Mutex<Rows>) -> MutexGuard<'_, Rows> {
    rows.lock().unwrap_or_else(PoisonError::into_inner)
}

type StampedPair = (i64, Id, Option<i64>, Option<i64>);
type StampedParent = (i64, Id, Option<String>, Option<String>, Option<String>, Option<String>);
type StampedText = (i64, Id, Option<String>);

#[pymethods]
impl Ledger {
    #[new]
    fn new() -> Self {
        Ledger::default()
    }

    /// Add an `EventRow`; return False, and count a duplicate, if it is there already.
    fn add_event(&self, row: &Bound<'_, PyTuple>) -> PyResult<bool> {
        let text = |place: usize| row.get_item(place)?.extract::<Option<String>>();
        let number = |place: usize| row.get_item(place)?.extract::<i64>();
        let (kind, event_type, topic, skeleton) = (text(1)?, text(2)?, text(6)?, text(11)?);
        Ok(self.rows().add_event(&Event {
            event_id: row.get_item(0)?.extract()?,
            kind: kind.as_deref().unwrap_or_default(),
            event_type: event_type.as_deref(),
            event_time: number(3)?,
            run_key: row.get_item(4)?.extract()?,
            shape_id: row.get_item(5)?.extract()?,
            topic: topic.as_deref().unwrap_or_default(),
            partition: number(7)?,
            offset: number(8)?,
            element: number(9)?,
            received_at: number(10)?,
            skeleton: skeleton.as_deref().unwrap_or_default().as_bytes(),
        }))
    }

    /// Merge a `RunRow`.
    fn see_run(&self, row: &Bound<'_, PyTuple>) -> PyResult<()> {
        let item = |place: usize| row.get_item(place);
        let state: Option<(u8, i64, Id, String)> = item(5)?.extract()?;
        let (job_time, job_event, job_id): (i64, Id, u64) = item(6)?.extract()?;
        let (said_at, said_by, producer): StampedText = item(7)?.extract()?;
        let nominal: Option<StampedPair> = item(8)?.extract()?;
        let parent: Option<StampedParent> = item(9)?.extract()?;
        let error: Option<StampedText> = item(10)?.extract()?;
        let source: Option<(i64, Id, String)> = item(11)?.extract()?;
        let run = Run {
            run_id: item(1)?.extract::<String>()?.into(),
            first_at: item(2)?.extract()?,
            started_at: item(3)?.extract()?,
            last_at: item(4)?.extract()?,
            state: state.map(|(rank, time, id, name)| (rank, Stamp(time, id), name.into())),
            job: (Stamp(job_time, job_event), job_id),
            producer: (Stamp(said_at, said_by), producer.map(Into::into)),
            nominal: nominal.map(|(time, id, start, end)| (Stamp(time, id), (start, end))),
            parent: parent
                .map(|(time, id, run, space, name, root)| (Stamp(time, id), Arc::new(Parent(run, space, name, root)))),
            error: error.map(|(time, id, message)| (Stamp(time, id), message.map(Into::into))),
            source: source.map(|(time, id, version)| (Stamp(time, id), version.into())),
        };
        self.rows().see_run(item(0)?.extract()?, run);
        Ok(())
    }

    /// Note that an event had a shape.
    fn see_shape(&self, shape_id: u64, stamp: (i64, Id)) {
        self.rows().see_shape(shape_id, Stamp(stamp.0, stamp.1));
    }

    /// Keep a `PassingFacetRow` if it is the newest of its key, and a measurement in any case.
    fn see_passing_facet(&self, row: &Bound<'_, PyTuple>, is_measurement: bool) -> PyResult<()> {
        let item = |place: usize| row.get_item(place);
        let place = Place {
            entity: item(0)?.extract::<String>()?.into(),
            run_key: item(1)?.extract()?,
            direction: item(2)?.extract::<Option<String>>()?.map(Into::into),
            dataset_id: item(3)?.extract()?,
            job_id: item(4)?.extract()?,
            key: item(5)?.extract::<String>()?.into(),
        };
        let stamp = Stamp(item(6)?.extract()?, item(7)?.extract()?);
        self.rows().see_passing(place, stamp, item(8)?.extract()?, is_measurement);
        Ok(())
    }

    /// Keep a document once.
    fn add_document(&self, document_id: Id, body: &str, deleted: bool) {
        self.rows().add_document(document_id, body.as_bytes(), deleted);
    }

    /// Return how many rows each table has, and its columns as buffers in Arrow's layout.
    fn tables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let rows = self.rows();
        let tables = PyDict::new(py);
        let mut put = |name: &str, length: usize, columns: &[&dyn Column]| -> PyResult<()> {
            if length > 0 {
                tables.set_item(name, (length, all_buffers(py, columns)?))?;
            }
            Ok(())
        };
        put("event", rows.ids.len(), &rows.events.columns())?;
        put("duplicate", rows.duplicates.length, &rows.duplicates.columns())?;
        let Documents { document_id, body, deleted } = &rows.documents;
        put("document", rows.document_ids.len(), &[document_id, body, deleted])?;
        rows.put_shapes(&mut put)?;
        rows.put_passing(&mut put)?;
        rows.put_runs(&mut put)?;
        Ok(tables)
    }

    /// Return the times of the events.
    fn event_times<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.rows().events.event_time.numbers())
    }

    /// Return when the events were received.
    fn received<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.rows().events.received_at.numbers())
    }

    /// Return how many records brought an event that was there already.
    fn duplicates(&self) -> usize {
        self.rows().duplicates.length
    }
}

type Put<'a> = dyn FnMut(&str, usize, &[&dyn Column]) -> PyResult<()> + 'a;

/// A column of stamps and what goes with them.
#[derive(Default)]
struct Stamps {
    valid: Bits,
    time: Fixed<8>,
    id: Fixed<16>,
}

impl Stamps {
    fn push(&mut self, stamp: Option<Stamp>) {
        self.valid.push(stamp.is_some());
        self.time.maybe(stamp.map(|stamp| stamp.0));
        self.id.push(stamp.map(|stamp| stamp.1));
    }

    fn with<'a>(&'a self, fields: &[&'a dyn Column]) -> Struct<'a> {
        Struct { valid: &self.valid, fields: [&[&self.time as &dyn Column, &self.id], fields].concat() }
    }
}

impl Rows {
    fn put_shapes(&self, put: &mut Put) -> PyResult<()> {
        let (mut shape_id, mut first, mut newest) = (Fixed::<8>::default(), Fixed::<8>::default(), Stamps::default());
        for (id, seen) in &self.shapes {
            shape_id.id(Some(*id));
            first.number(seen.0);
            newest.push(Some(seen.1));
        }
        put("shape_seen", self.shapes.len(), &[&shape_id, &first, &newest.with(&[])])
    }

    fn put_passing(&self, put: &mut Put) -> PyResult<()> {
        let (mut entity, mut run_key, mut direction) = (Text::default(), Fixed::<16>::default(), Text::default());
        let (mut dataset_id, mut job_id, mut key) = (Fixed::<8>::default(), Fixed::<8>::default(), Text::default());
        let (mut time, mut event_id) = (Fixed::<8>::default(), Fixed::<16>::default());
        let mut document_id = Fixed::<16>::default();
        let newest = self.passing.iter().map(|(place, (stamp, document))| (place, stamp, document));
        let measured = self.measured.iter().map(|(place, stamp, document)| (place, stamp, document));
        for (place, stamp, document) in newest.chain(measured) {
            entity.push(Some(&place.entity));
            run_key.push(place.run_key);
            direction.push(place.direction.as_deref());
            dataset_id.id(place.dataset_id);
            job_id.id(place.job_id);
            key.push(Some(&place.key));
            time.number(stamp.0);
            event_id.push(Some(stamp.1));
            document_id.push(Some(*document));
        }
        put(
            "passing_facet",
            self.passing.len() + self.measured.len(),
            &[&entity, &run_key, &direction, &dataset_id, &job_id, &key, &time, &event_id, &document_id],
        )
    }

    fn put_runs(&self, put: &mut Put) -> PyResult<()> {
        let (mut run_key, mut run_id) = (Fixed::<16>::default(), Text::default());
        let (mut first, mut started, mut last) = (Fixed::<8>::default(), Fixed::<8>::default(), Fixed::<8>::default());
        let (mut rank, mut state, mut state_name) = (Fixed::<1>::default(), Stamps::default(), Text::default());
        let (mut job, mut job_id) = (Stamps::default(), Fixed::<8>::default());
        let (mut producer, mut uri) = (Stamps::default(), Text::default());
        let (mut nominal, mut start, mut end) = (Stamps::default(), Fixed::<8>::default(), Fixed::<8>::default());
        let (mut parent, mut said): (Stamps, [Text; 4]) = Default::default();
        let (mut error, mut message) = (Stamps::default(), Text::default());
        let (mut source, mut version) = (Stamps::default(), Text::default());
        for (key, run) in &self.runs {
            run_key.push(Some(*key));
            run_id.push(Some(&run.run_id));
            first.number(run.first_at);
            started.maybe(run.started_at);
            last.number(run.last_at);
            rank.push(run.state.as_ref().map(|state| [state.0]));
            state.push(run.state.as_ref().map(|state| state.1));
            state_name.push(run.state.as_ref().map(|state| &*state.2));
            job.push(Some(run.job.0));
            job_id.id(Some(run.job.1));
            producer.push(Some(run.producer.0));
            uri.push(run.producer.1.as_deref());
            nominal.push(run.nominal.as_ref().map(|said| said.0));
            start.maybe(run.nominal.as_ref().and_then(|said| said.1 .0));
            end.maybe(run.nominal.as_ref().and_then(|said| said.1 .1));
            parent.push(run.parent.as_ref().map(|said| said.0));
            let Parent(id, space, name, root) = match &run.parent {
                Some((_, parent)) => &**parent,
                None => &Parent(None, None, None, None),
            };
            for (column, value) in said.iter_mut().zip([id, space, name, root]) {
                column.push(value.as_deref());
            }
            error.push(run.error.as_ref().map(|said| said.0));
            message.push(run.error.as_ref().and_then(|said| said.1.as_deref()));
            source.push(run.source.as_ref().map(|said| said.0));
            version.push(run.source.as_ref().map(|said| &*said.1));
        }
        let states = Struct { valid: &state.valid, fields: vec![&rank, &state.time, &state.id, &state_name] };
        let [parent_run, parent_space, parent_name, root_run] = &said;
        put(
            "run",
            self.runs.len(),
            &[
                &run_key,
                &run_id,
                &first,
                &started,
                &last,
                &states,
                &job.with(&[&job_id]),
                &producer.with(&[&uri]),
                &nominal.with(&[&start, &end]),
                &parent.with(&[parent_run, parent_space, parent_name, root_run]),
                &error.with(&[&message]),
                &source.with(&[&version]),
            ],
        )
    }
}
