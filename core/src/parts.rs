//! The parts of an event that come again, as they are remembered.

use std::sync::Arc;

use ahash::AHashSet;
use memchr::memmem::Finder;
use pyo3::prelude::*;

use crate::ids::Id;
use crate::ledger::Parent;

/// What carries a facet; its name is `Entity` of `consumer/facets`.
#[derive(Clone, Copy)]
pub enum Entity {
    Run,
    Dataset,
    Input,
    Output,
}

pub const ENTITIES: [&str; 4] = ["run", "dataset", "input", "output"];

/// All facets of one key and one kind of entity.
pub struct Kind {
    pub key: Arc<str>,
    /// It changes from run to run, so it is no part of a shape.
    pub passes: bool,
    pub measures: bool,
    /// There is a model that reads it.
    pub is_read: bool,
    /// A rule of redaction drops it: that is not for here.
    pub is_left: bool,
    /// Words in lower case, of which every facet that redaction may change has one.
    pub words: Vec<Finder<'static>>,
    /// Facets built like one of these say nothing that a row would want to know, and have no problem.
    pub structures: AHashSet<u64>,
}

impl Kind {
    /// Tell whether a rule of redaction may fit a facet.
    pub fn is_suspect(&self, text: &[u8]) -> bool {
        if self.words.is_empty() {
            return false;
        }
        let lowered = text.to_ascii_lowercase();
        self.words.iter().any(|word| word.find(&lowered).is_some())
    }
}

/// What a row about a run or a dataset wants to know of a facet.
pub enum Said {
    Nothing,
    Nominal(Option<i64>, Option<i64>),
    Parent(Arc<Parent>),
    Error(Option<Arc<str>>),
    Symlinks(Py<PyAny>),
    Lineage,
}

pub struct Facet {
    pub key: Arc<str>,
    pub document: Id,
    /// What stands for it in a skeleton, its key included.
    pub mark: Box<[u8]>,
    pub passes: bool,
    pub measures: bool,
    pub said: Said,
}

/// A map of facets: its text with marks, and the facets in the order of their keys.
pub struct FacetMap {
    pub text: Box<[u8]>,
    pub facets: Vec<Arc<Facet>>,
}

/// A dataset without the facets that one run gives it.
pub struct Stem {
    pub dataset_id: u64,
    pub facets_text: Option<Box<[u8]>>,
    pub names_text: Box<[u8]>,
    pub shape: Box<[u8]>,
    pub lasting: Vec<(Arc<str>, Id)>,
    pub passing: Vec<Passing>,
    pub tells_lineage: bool,
}

/// A facet that belongs to a run rather than to a shape.
pub struct Passing {
    pub entity: Arc<str>,
    pub key: Arc<str>,
    pub document: Id,
    pub measures: bool,
}

pub struct Dataset {
    pub stem: Arc<Stem>,
    pub own: Vec<Passing>,
}

pub struct Job {
    pub text: Box<[u8]>,
    pub shape: Box<[u8]>,
    pub job_id: u64,
    pub source_version: Option<Arc<str>>,
    pub passing: Vec<Passing>,
    pub python: Py<PyAny>,
}

/// Texts that stand in many rows.
pub struct Names {
    pub entities: [Arc<str>; 4],
    pub input: Arc<str>,
    pub output: Arc<str>,
    pub states: [(&'static str, u8, Arc<str>); 6],
}

impl Names {
    pub fn new() -> Self {
        let state = |said: &'static str, rank, name: &str| (said, rank, Arc::from(name));
        Names {
            entities: ENTITIES.map(Arc::from),
            input: "input".into(),
            output: "output".into(),
            states: [
                state("START", 2, "RUNNING"),
                state("RUNNING", 2, "RUNNING"),
                state("COMPLETE", 3, "COMPLETE"),
                state("FAIL", 3, "FAIL"),
                state("ABORT", 3, "ABORT"),
                state("OTHER", 1, "OTHER"),
            ],
        }
    }

    /// Return the rank and the name of the state that an event of a type means.
    pub fn state(&self, said: &str) -> Option<&(&'static str, u8, Arc<str>)> {
        self.states.iter().find(|state| state.0 == said)
    }
}

pub fn passing(entity: &Arc<str>, facet: &Facet) -> Passing {
    Passing { entity: entity.clone(), key: facet.key.clone(), document: facet.document, measures: facet.measures }
}

/// Return the shapes of datasets as a set, in order.
pub fn shapes_of(datasets: &[Dataset]) -> Vec<&[u8]> {
    let mut shapes: Vec<&[u8]> = datasets.iter().map(|dataset| &*dataset.stem.shape).collect();
    shapes.sort_unstable();
    shapes.dedup();
    shapes
}

/// What Python has to know of a dataset of a new shape: id, direction, lasting facets, whether one of these tells lineage.
pub type Told = (u64, &'static str, Vec<(String, Id)>, bool);

pub fn told(datasets: &[Dataset], direction: &'static str) -> Vec<Told> {
    let each = datasets.iter().map(|dataset| {
        let stem = &dataset.stem;
        let lasting = stem.lasting.iter().map(|(key, id)| (key.to_string(), *id)).collect();
        (stem.dataset_id, direction, lasting, stem.tells_lineage)
    });
    each.collect()
}
