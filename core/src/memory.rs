//! An event is taken apart: what `consumer/fold.py` does, for events as producers ordinarily send them.
//!
//! `fold.py` is the definition. Whatever is spelled in an unusual way, has members that an event does not have, or may not be
//! readable at all is left to it. What is taken here must give the same rows; a law of the tests.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use ahash::{AHashMap, AHashSet, AHasher};
use memchr::memmem::{find, Finder};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::cache::{Cache, Hash, Hashing};
use crate::canonical::canonical;
use crate::envelope::{bodies_of, Bodies, DatasetText, Direction, Envelope};
use crate::ids::{content_id, content_id_64, write_hex, Id};
use crate::ledger::Parent;
use crate::parts::{
    passing, shapes_of, told, Dataset, Entity, Facet, FacetMap, Job, Kind, Names, Passing, Said, Stem, ENTITIES,
};
use crate::scan::{is_valid, plain};
use crate::time::micros;

/// Between two of these a facet's id stands in a skeleton; see `consumer/canonical.py`.
const FACET_MARK: u8 = 1;
/// A facet with one of these members is a tombstone, or stands for one that was left out.
const SPECIAL: [&[u8]; 2] = [b"\"_deleted\"", b"\"_headwater_omitted\""];

/// Keys of facets, and structures of one kind of facet, that are remembered: more than anybody has who means well.
const MOST_KINDS: usize = 4_096;
const MOST_STRUCTURES: usize = 4_096;

/// Why an event is not taken.
pub enum Stop {
    /// A part has to be read by Python.
    Ask,
    /// It is not ordinary.
    Leave,
    Failed(PyErr),
}

pub type Taken<T> = Result<T, Stop>;

impl From<PyErr> for Stop {
    fn from(error: PyErr) -> Self {
        Stop::Failed(error)
    }
}

/// Who reads what is new; None while nobody may be asked.
pub type Reader<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// Takes events apart, and remembers what it has taken apart.
pub struct Memory {
    kinds: [AHashMap<Box<str>, Kind>; 4],
    facets: Cache<Facet>,
    maps: Cache<FacetMap>,
    stems: Cache<Stem>,
    jobs: Cache<Job>,
    shapes: Cache<u64>,
    pub names: Names,
    most_facet_bytes: usize,
    /// New documents on their way to the ledger.
    pub documents: Vec<(Id, Vec<u8>)>,
    /// What is remembered since the event at hand.
    fresh: Vec<Fresh>,
    hashing: Hashing,
    structures: ahash::RandomState,
}

/// Something that was remembered.
enum Fresh {
    Facet(Hash),
    Map(Hash),
    Stem(Hash),
}

/// An event in its parts.
pub struct Parts<'a> {
    pub event_type: Option<&'a str>,
    pub event_time: i64,
    pub run_id: &'a str,
    pub producer: Option<&'a str>,
    pub skeleton: Vec<u8>,
    pub shape_id: u64,
    pub job: Arc<Job>,
    pub inputs: Vec<Dataset>,
    pub outputs: Vec<Dataset>,
    pub facets: Vec<Arc<Facet>>,
}

impl Memory {
    /// Remember parts of up to about twice `cache_bytes`; a facet whose text is longer than `most_facet_bytes` is Python's.
    pub fn new(cache_bytes: usize, most_facet_bytes: usize) -> Self {
        Memory {
            kinds: Default::default(),
            facets: Cache::new(cache_bytes / 2),
            maps: Cache::new(cache_bytes / 8),
            stems: Cache::new(cache_bytes / 8),
            jobs: Cache::new(cache_bytes / 8),
            shapes: Cache::new(cache_bytes / 8),
            names: Names::new(),
            most_facet_bytes,
            documents: Vec::new(),
            fresh: Vec::new(),
            hashing: Hashing::new(),
            structures: ahash::RandomState::new(),
        }
    }

    /// Take nothing for known: a batch was thrown away.
    pub fn forget(&mut self) {
        self.kinds = Default::default();
        self.facets.clear();
        self.maps.clear();
        self.stems.clear();
        self.jobs.clear();
        self.shapes.clear();
        self.documents.clear();
    }

    /// Take an event apart. What is not taken leaves nothing here that was not stored, unless only Python is missing.
    pub fn take<'a>(&mut self, value: &'a [u8], reader: Reader) -> Taken<Parts<'a>> {
        self.fresh.clear();
        let before = self.documents.len();
        let mut taken = self.take_apart(value, reader);
        // Python must not hear of anything that is in no event.
        if matches!(taken, Err(Stop::Ask)) && !is_valid(value) {
            taken = Err(Stop::Leave);
        }
        if matches!(taken, Err(Stop::Leave | Stop::Failed(_))) {
            self.documents.truncate(before);
            for fresh in self.fresh.drain(..) {
                match fresh {
                    Fresh::Facet(hash) => self.facets.remove(hash),
                    Fresh::Map(hash) => self.maps.remove(hash),
                    Fresh::Stem(hash) => self.stems.remove(hash),
                }
            }
        }
        taken
    }

    fn take_apart<'a>(&mut self, value: &'a [u8], reader: Reader) -> Taken<Parts<'a>> {
        std::str::from_utf8(value).map_err(|_| Stop::Leave)?;
        let envelope = Envelope::of(value).ok_or(Stop::Leave)?;
        let event_time = micros(plain(envelope.time).ok_or(Stop::Leave)?).ok_or(Stop::Leave)?;
        let event_type = optional_string(envelope.event_type)?;
        if event_type.is_some_and(|said| self.names.state(said).is_none()) {
            return Err(Stop::Leave);
        }
        let producer = optional_string(envelope.producer)?;
        optional_string(envelope.schema)?;
        let job = self.job(envelope.job, reader)?;
        let mut skeleton = Vec::with_capacity(2_048);
        let mut pieces = Pieces { before: b'{' };
        pieces.put(&mut skeleton, b"\"eventTime\":", envelope.time);
        if let Some(text) = envelope.event_type {
            pieces.put(&mut skeleton, b"\"eventType\":", text);
        }
        let mut inputs = Vec::new();
        if let Some(parts) = envelope.inputs {
            pieces.put(&mut skeleton, b"\"inputs\":", b"");
            inputs = self.datasets(Direction::Input, parts, &mut skeleton, reader)?;
        }
        pieces.put(&mut skeleton, b"\"job\":", &job.text);
        let mut outputs = Vec::new();
        if let Some(parts) = envelope.outputs {
            pieces.put(&mut skeleton, b"\"outputs\":", b"");
            outputs = self.datasets(Direction::Output, parts, &mut skeleton, reader)?;
        }
        if let Some(text) = envelope.producer {
            pieces.put(&mut skeleton, b"\"producer\":", text);
        }
        pieces.put(&mut skeleton, b"\"run\":{", b"");
        let mut facets = Vec::new();
        if let Some(bodies) = envelope.facets {
            skeleton.extend_from_slice(b"\"facets\":");
            facets = self.facets(Entity::Run, bodies, &mut skeleton, reader)?;
            skeleton.push(b',');
        }
        for text in [b"\"runId\":\"", envelope.run_id.as_bytes(), b"\"}"] {
            skeleton.extend_from_slice(text);
        }
        if let Some(text) = envelope.schema {
            pieces.put(&mut skeleton, b"\"schemaURL\":", text);
        }
        skeleton.push(b'}');
        let shape_id = self.shape(&job, &inputs, &outputs, reader)?;
        let run_id = envelope.run_id;
        Ok(Parts { event_type, event_time, run_id, producer, skeleton, shape_id, job, inputs, outputs, facets })
    }

    fn job(&mut self, text: &[u8], reader: Reader) -> Taken<Arc<Job>> {
        let key = self.hashing.of(&[text]);
        if let Some(known) = self.jobs.get(key) {
            return Ok(known);
        }
        let reader = reader.ok_or(Stop::Ask)?;
        type Answer<'py> =
            (PyBackedBytes, PyBackedBytes, u64, Option<String>, Vec<(String, String, Id, bool)>, Bound<'py, PyAny>);
        let answer = reader.call_method1("job", (PyBytes::new(reader.py(), text),))?;
        let (marked, shape, job_id, source_version, passing, python): Answer = answer.extract()?;
        let passing = passing.into_iter().map(|(entity, key, document, measures)| Passing {
            entity: entity.into(),
            key: key.into(),
            document,
            measures,
        });
        let job = Job {
            text: (*marked).into(),
            shape: (*shape).into(),
            job_id,
            source_version: source_version.map(Into::into),
            passing: passing.collect(),
            python: python.unbind(),
        };
        let cost = job.text.len();
        Ok(self.jobs.put(key, job, cost))
    }

    /// Append datasets with marks to `marked`, and return them.
    fn datasets(
        &mut self,
        direction: Direction,
        parts: Vec<DatasetText>,
        marked: &mut Vec<u8>,
        reader: Reader,
    ) -> Taken<Vec<Dataset>> {
        let mut datasets = Vec::with_capacity(parts.len());
        marked.push(b'[');
        for (place, part) in parts.into_iter().enumerate() {
            if place > 0 {
                marked.push(b',');
            }
            datasets.push(self.dataset(direction, part, marked, reader)?);
        }
        marked.push(b']');
        Ok(datasets)
    }

    fn dataset(
        &mut self,
        direction: Direction,
        part: DatasetText,
        marked: &mut Vec<u8>,
        reader: Reader,
    ) -> Taken<Dataset> {
        let stem = self.stem(&part, reader)?;
        let mut pieces = Pieces { before: b'{' };
        if let Some(text) = &stem.facets_text {
            pieces.put(marked, b"\"facets\":", text);
        }
        // In the order of the alphabet, names stand between the facets of an input and those of an output.
        let (entity, before, after) = match direction {
            Direction::Input => (Entity::Input, part.own, None),
            Direction::Output => (Entity::Output, None, part.own),
        };
        let mut facets = Vec::new();
        if let Some(bodies) = before {
            pieces.put(marked, b"\"inputFacets\":", b"");
            facets = self.facets(entity, bodies, marked, reader)?;
        }
        pieces.put(marked, b"", &stem.names_text);
        if let Some(bodies) = after {
            pieces.put(marked, b"\"outputFacets\":", b"");
            facets = self.facets(entity, bodies, marked, reader)?;
        }
        marked.push(b'}');
        let entity = &self.names.entities[entity as usize];
        Ok(Dataset { stem, own: facets.iter().map(|facet| passing(entity, facet)).collect() })
    }

    fn stem(&mut self, part: &DatasetText, reader: Reader) -> Taken<Arc<Stem>> {
        let DatasetText { namespace, name, facets, .. } = *part;
        // Strings end with a quote, so that no two of these look the same.
        let key = self.hashing.of(&[namespace, name, facets.unwrap_or_default()]);
        if let Some(known) = self.stems.get(key) {
            return Ok(known);
        }
        let names = (plain(namespace).ok_or(Stop::Leave)?, plain(name).ok_or(Stop::Leave)?);
        let map = facets.map(|text| self.facet_map(text, reader)).transpose()?;
        let reader = reader.ok_or(Stop::Ask)?;
        let dataset_id: u64 = reader.call_method1("dataset", names)?.extract()?;
        let all = map.as_ref().map_or(&[][..], |map| &map.facets);
        for facet in all {
            if let Said::Symlinks(links) = &facet.said {
                reader.call_method1("aliases", (dataset_id, links))?;
            }
        }
        let lasting: Vec<_> = all.iter().filter(|one| !one.passes).map(|one| (one.key.clone(), one.document)).collect();
        let entity = &self.names.entities[Entity::Dataset as usize];
        let mut shape = dataset_id.to_be_bytes().to_vec();
        if !lasting.is_empty() {
            let parts = lasting.iter().map(|(key, document)| [key.as_bytes(), b"\0", document].concat());
            shape.extend_from_slice(&content_id(&parts.collect::<Vec<_>>().concat()));
        }
        let stem = Stem {
            dataset_id,
            facets_text: map.as_ref().map(|map| map.text.clone()),
            names_text: [b"\"name\":", name, b",\"namespace\":", namespace].concat().into(),
            shape: shape.into(),
            lasting,
            passing: all.iter().filter(|facet| facet.passes).map(|facet| passing(entity, facet)).collect(),
            tells_lineage: all
                .iter()
                .any(|facet| &*facet.key == "columnLineage" || matches!(facet.said, Said::Lineage)),
        };
        let cost = stem.names_text.len() + stem.facets_text.as_ref().map_or(0, |text| text.len());
        self.fresh.push(Fresh::Stem(key));
        Ok(self.stems.put(key, stem, cost))
    }

    fn facet_map(&mut self, text: &[u8], reader: Reader) -> Taken<Arc<FacetMap>> {
        let key = self.hashing.of(&[text]);
        if let Some(known) = self.maps.get(key) {
            return Ok(known);
        }
        let mut marked = Vec::new();
        let facets = self.facets(Entity::Dataset, bodies_of(text).ok_or(Stop::Leave)?, &mut marked, reader)?;
        let cost = marked.len();
        self.fresh.push(Fresh::Map(key));
        Ok(self.maps.put(key, FacetMap { text: marked.into(), facets }, cost))
    }

    /// Append a map of facets with marks to `marked`, and return the facets in the order of their keys.
    fn facets(
        &mut self,
        entity: Entity,
        mut bodies: Bodies,
        marked: &mut Vec<u8>,
        reader: Reader,
    ) -> Taken<Vec<Arc<Facet>>> {
        bodies.sort_by_key(|member| member.0);
        if bodies.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Stop::Leave);
        }
        let mut pieces = Pieces { before: b'{' };
        let mut facets = Vec::with_capacity(bodies.len());
        for (key, body) in &bodies {
            let facet = self.facet(entity, key, body, reader)?;
            pieces.put(marked, &facet.mark, b"");
            facets.push(facet);
        }
        if bodies.is_empty() {
            marked.push(b'{');
        }
        marked.push(b'}');
        Ok(facets)
    }

    fn facet(&mut self, entity: Entity, key: &str, body: &[u8], reader: Reader) -> Taken<Arc<Facet>> {
        let kinds = &mut self.kinds[entity as usize];
        if !kinds.contains_key(key) {
            let kind = ask_kind(entity, key, reader.ok_or(Stop::Ask)?)?;
            if kinds.len() >= MOST_KINDS {
                kinds.clear();
            }
            kinds.insert(key.into(), kind);
        }
        let kind = kinds.get_mut(key).ok_or(Stop::Leave)?;
        if kind.is_left {
            return Err(Stop::Leave);
        }
        // A key has no control characters, and a body begins with a brace.
        let hash = self.hashing.of(&[&[entity as u8], key.as_bytes(), b"\0", body]);
        if let Some(known) = self.facets.get(hash) {
            return Ok(known);
        }
        if body.first() != Some(&b'{') {
            return Err(Stop::Leave);
        }
        let mut text = Vec::with_capacity(body.len());
        let mut structure: AHasher = self.structures.build_hasher();
        let is_plain = canonical(body, &mut text, &mut structure).is_some()
            && text.len() <= self.most_facet_bytes
            && !SPECIAL.iter().any(|word| find(&text, word).is_some())
            && !kind.is_suspect(&text);
        let (document, said) = if is_plain {
            let (document, structure) = (content_id(&text), structure.finish());
            let mut said = Said::Nothing;
            if kind.is_read && !kind.structures.contains(&structure) {
                let reader = reader.ok_or(Stop::Ask)?;
                let asked = (ENTITIES[entity as usize], key, document, PyBytes::new(reader.py(), &text));
                let (answer, says_nothing): (Bound<'_, PyAny>, bool) =
                    reader.call_method1("facet", asked)?.extract()?;
                said = said_of(entity, key, &answer)?;
                if says_nothing {
                    if kind.structures.len() >= MOST_STRUCTURES {
                        kind.structures.clear();
                    }
                    kind.structures.insert(structure);
                }
            }
            self.documents.push((document, text));
            (document, said)
        } else {
            let reader = reader.ok_or(Stop::Ask)?;
            let asked = (ENTITIES[entity as usize], key, PyBytes::new(reader.py(), body));
            let (document, answer): (Id, Bound<'_, PyAny>) = reader.call_method1("unusual_facet", asked)?.extract()?;
            (document, said_of(entity, key, &answer)?)
        };
        let mut mark = format!("\"{key}\":").into_bytes();
        mark.push(FACET_MARK);
        write_hex(&document, &mut mark);
        mark.push(FACET_MARK);
        let facet = Facet {
            key: kind.key.clone(),
            document,
            mark: mark.into(),
            passes: kind.passes,
            measures: kind.measures,
            said,
        };
        let cost = facet.mark.len();
        self.fresh.push(Fresh::Facet(hash));
        Ok(self.facets.put(hash, facet, cost))
    }

    fn shape(&mut self, job: &Arc<Job>, inputs: &[Dataset], outputs: &[Dataset], reader: Reader) -> Taken<u64> {
        let mut key = Vec::with_capacity(256);
        let parts = [vec![&job.shape[..]], shapes_of(inputs), shapes_of(outputs)];
        for part in &parts {
            key.extend_from_slice(&(part.len() as u32).to_be_bytes());
            for shape in part {
                key.extend_from_slice(&(shape.len() as u32).to_be_bytes());
                key.extend_from_slice(shape);
            }
        }
        let key = self.hashing.of(&[&key]);
        if let Some(known) = self.shapes.get(key) {
            return Ok(*known);
        }
        let reader = reader.ok_or(Stop::Ask)?;
        let mut content = Vec::new();
        let together = |shapes: &[&[u8]]| {
            if shapes.is_empty() {
                vec![]
            } else {
                content_id(&shapes.concat()).to_vec()
            }
        };
        for part in [job.shape.to_vec(), together(&parts[1]), together(&parts[2]), vec![]] {
            content.extend_from_slice(&(part.len() as u32).to_be_bytes());
            content.extend_from_slice(&part);
        }
        let shape_id = content_id_64(&content);
        let datasets = [told(inputs, "input"), told(outputs, "output")].concat();
        reader.call_method1("shape", (shape_id, &job.python, datasets))?;
        self.shapes.put(key, shape_id, 0);
        Ok(shape_id)
    }
}

/// Members that are put behind each other.
struct Pieces {
    before: u8,
}

impl Pieces {
    fn put(&mut self, out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
        out.push(std::mem::replace(&mut self.before, b','));
        out.extend_from_slice(key);
        out.extend_from_slice(value);
    }
}

/// Return what a member says that must be a plain string if it is there.
fn optional_string(text: Option<&[u8]>) -> Taken<Option<&str>> {
    text.map(|text| plain(text).ok_or(Stop::Leave)).transpose()
}

fn ask_kind(entity: Entity, key: &str, reader: &Bound<'_, PyAny>) -> Taken<Kind> {
    let answer = reader.call_method1("kind", (ENTITIES[entity as usize], key))?;
    let (passes, measures, is_read, is_left, words): (bool, bool, bool, bool, Vec<Vec<u8>>) = answer.extract()?;
    Ok(Kind {
        key: key.into(),
        passes,
        measures,
        is_read,
        is_left,
        words: words.iter().map(|word| Finder::new(word).into_owned()).collect(),
        structures: AHashSet::new(),
    })
}

fn said_of(entity: Entity, key: &str, answer: &Bound<'_, PyAny>) -> Taken<Said> {
    Ok(match (entity, key) {
        // Said or not, the newest event with this facet counts.
        (Entity::Run, "errorMessage") => Said::Error(answer.extract::<Option<String>>()?.map(Into::into)),
        _ if answer.is_none() => Said::Nothing,
        (Entity::Run, "nominalTime") => {
            let (start, end) = answer.extract()?;
            Said::Nominal(start, end)
        }
        (Entity::Run, "parent" | "parentRun") => Said::Parent(Arc::new(answer.extract::<Parent>()?)),
        (Entity::Dataset, "symlinks") => Said::Symlinks(answer.clone().unbind()),
        (Entity::Dataset, "lineage") => Said::Lineage,
        _ => return Err(PyTypeError::new_err("a facet said what nobody asked for").into()),
    })
}
