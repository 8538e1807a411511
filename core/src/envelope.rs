//! The texts of which an event consists, found by going over it once.

use crate::scan::{plain, Cursor};

#[derive(Clone, Copy)]
pub enum Direction {
    Input,
    Output,
}

impl Direction {
    pub fn own_facets(self) -> &'static str {
        match self {
            Direction::Input => "inputFacets",
            Direction::Output => "outputFacets",
        }
    }
}

/// A map of facets as it stands in an event.
pub type Bodies<'a> = Vec<(&'a str, &'a [u8])>;

/// The texts of which an event consists, found by going over it once.
pub struct Envelope<'a> {
    pub time: &'a [u8],
    pub event_type: Option<&'a [u8]>,
    pub producer: Option<&'a [u8]>,
    pub schema: Option<&'a [u8]>,
    pub run_id: &'a str,
    pub facets: Option<Bodies<'a>>,
    pub job: &'a [u8],
    pub inputs: Option<Vec<DatasetText<'a>>>,
    pub outputs: Option<Vec<DatasetText<'a>>>,
}

impl<'a> Envelope<'a> {
    /// None if a member is twice there, or one that an event does not have.
    pub fn of(value: &'a [u8]) -> Option<Self> {
        let [mut time, mut event_type, mut producer, mut schema, mut job, mut run_id] = [None; 6];
        let (mut run, mut facets, mut inputs, mut outputs) = (None, None, None, None);
        let mut cursor = Cursor::new(value);
        cursor.members(|key, cursor| match key {
            "eventTime" => once(&mut time, cursor.value()?),
            "eventType" => once(&mut event_type, cursor.value()?),
            "inputs" => once(&mut inputs, DatasetText::all(cursor, Direction::Input)?),
            "job" => once(&mut job, cursor.value()?),
            "outputs" => once(&mut outputs, DatasetText::all(cursor, Direction::Output)?),
            "producer" => once(&mut producer, cursor.value()?),
            "run" => {
                cursor.members(|key, cursor| match key {
                    "runId" => once(&mut run_id, cursor.value()?),
                    "facets" => once(&mut facets, bodies(cursor)?),
                    _ => None,
                })?;
                once(&mut run, ())
            }
            "schemaURL" => once(&mut schema, cursor.value()?),
            _ => None,
        })?;
        cursor.is_at_end().then_some(())?;
        let run_id = plain(run_id?).filter(|id| !id.is_empty())?;
        Some(Envelope { time: time?, event_type, producer, schema, run_id, facets, job: job?, inputs, outputs })
    }
}

/// A dataset as it stands in an event.
pub struct DatasetText<'a> {
    pub namespace: &'a [u8],
    pub name: &'a [u8],
    pub facets: Option<&'a [u8]>,
    pub own: Option<Bodies<'a>>,
}

impl<'a> DatasetText<'a> {
    fn all(cursor: &mut Cursor<'a>, direction: Direction) -> Option<Vec<Self>> {
        let mut found = Vec::new();
        cursor.elements(|cursor| {
            let (mut namespace, mut name, mut facets, mut own) = (None, None, None, None);
            cursor.members(|key, cursor| match key {
                "namespace" => once(&mut namespace, cursor.value()?),
                "name" => once(&mut name, cursor.value()?),
                "facets" => once(&mut facets, cursor.value()?),
                _ if key == direction.own_facets() => once(&mut own, bodies(cursor)?),
                _ => None,
            })?;
            found.push(DatasetText { namespace: namespace?, name: name?, facets, own });
            Some(())
        })?;
        Some(found)
    }
}

/// Fill a place; None if it is filled already: the last one would hold.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

fn bodies<'a>(cursor: &mut Cursor<'a>) -> Option<Bodies<'a>> {
    let mut found = Vec::new();
    cursor.members(|key, cursor| {
        found.push((key, cursor.value()?));
        Some(())
    })?;
    Some(found)
}

pub fn bodies_of(text: &[u8]) -> Option<Bodies<'_>> {
    let mut cursor = Cursor::new(text);
    let found = bodies(&mut cursor)?;
    cursor.is_at_end().then_some(found)
}
