//! Output as MP4: what takes access units instead of packets.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::Error;
use crate::es::access_unit::AccessUnit;
use crate::layout::Layout;
use crate::mp4::write::{Body, Fragmenter, ParameterSets, Plan, for_mp4, init};
use crate::report::Report;

/// What a piece of output becomes.
#[derive(Debug, Default)]
pub(crate) enum Target {
    /// Packets of a transport stream.
    #[default]
    Packets,
    /// A media segment.
    Segment,
    /// One file in fragments: the initialization segment goes before it.
    FragmentedFile,
    /// Nothing yet: how large the samples of a file with `moov` first are.
    Measure,
    /// A file with `moov` first, after it was measured.
    File(Box<Measured>),
}

impl Target {
    /// A layout as this goes out with it.
    pub(super) fn layout(&self, layout: &Arc<Layout>) -> Arc<Layout> {
        match self {
            Self::Packets => Arc::clone(layout),
            _ => Arc::new(for_mp4(Layout::clone(layout))),
        }
    }
}

/// What a first pass has found: the beginning of a file with `moov` first, and what takes the second pass.
#[derive(Debug)]
pub struct Measured {
    header: Bytes,
    body: Body,
}

/// Takes access units.
#[derive(Debug)]
pub(super) struct Movie {
    form: Form,
    out: VecDeque<Bytes>,
    failure: Option<Error>,
}

#[derive(Debug)]
enum Form {
    Fragments(Box<Fragmenter>),
    Plan(Box<Plan>),
    Body(Box<Body>),
}

impl Movie {
    /// `None` where packets are made.
    pub(super) fn new(layout: &Layout, target: Target) -> Result<Option<Self>, Error> {
        let sets = ParameterSets::OutOfBand;
        let mut out = VecDeque::new();
        let form = match target {
            Target::Packets => return Ok(None),
            Target::Segment => Form::Fragments(Box::new(Fragmenter::new(layout, sets)?)),
            Target::FragmentedFile => {
                out.push_back(init(layout, sets)?);
                Form::Fragments(Box::new(Fragmenter::new(layout, sets)?))
            }
            Target::Measure => Form::Plan(Box::new(Plan::new(layout, sets)?)),
            Target::File(measured) => {
                out.push_back(measured.header);
                Form::Body(Box::new(measured.body))
            }
        };
        Ok(Some(Self { form, out, failure: None }))
    }

    pub(super) fn put(&mut self, unit: &AccessUnit) {
        let done = match &mut self.form {
            Form::Fragments(fragments) => {
                fragments.push(unit);
                Ok(())
            }
            Form::Plan(plan) => plan.push(unit),
            Form::Body(body) => body.push(unit),
        };
        self.note(done);
        self.drain();
    }

    /// The key stream's unit behind the last one.
    pub(super) fn on_next(&mut self, unit: &AccessUnit) {
        if let Form::Fragments(fragments) = &mut self.form {
            fragments.on_next(unit);
        }
    }

    pub(super) fn close(&mut self) {
        let done = match &mut self.form {
            Form::Fragments(fragments) => {
                fragments.finish_segment();
                Ok(())
            }
            Form::Plan(_) => Ok(()),
            Form::Body(body) => body.finish(),
        };
        self.note(done);
        self.drain();
    }

    fn note(&mut self, done: Result<(), Error>) {
        if let (Err(error), None) = (done, &self.failure) {
            self.failure = Some(error);
        }
    }

    fn drain(&mut self) {
        let out = &mut self.out;
        match &mut self.form {
            Form::Fragments(fragments) => out.extend(std::iter::from_fn(|| fragments.poll())),
            Form::Body(body) => out.extend(std::iter::from_fn(|| body.poll())),
            Form::Plan(_) => {}
        }
    }

    pub(super) fn take(&mut self, out: &mut VecDeque<Bytes>) {
        out.append(&mut self.out);
    }

    /// Why it cannot go on.
    pub(super) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// What could not be written as it came; while it is measured that is not known.
    pub(super) fn report(&self) -> Report {
        match &self.form {
            Form::Fragments(fragments) => fragments.report().clone(),
            Form::Body(body) => body.report().clone(),
            Form::Plan(_) => Report::default(),
        }
    }

    /// What was measured.
    pub(super) fn into_measured(self) -> Result<Option<Measured>, Error> {
        match self.form {
            Form::Plan(plan) => plan.finish().map(|(header, body)| Some(Measured { header, body })),
            Form::Fragments(_) | Form::Body(_) => Ok(None),
        }
    }
}
