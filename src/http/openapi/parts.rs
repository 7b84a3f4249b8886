//! What the table of operations is written with.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::link::{Link, LinkBuilder};
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, Paths,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{Content, Header, Ref, RefOr, Required, Response, ResponseBuilder, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::super::problem::{self, Problem};
use super::shapes;
use crate::error::{Error, Kind, Nearest};

/// What one method of one path takes and answers.
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) method: HttpMethod,
    operation: OperationBuilder,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Entry {
    /// An operation that takes and answers nothing yet. All may fail by a bug.
    pub(super) fn new(method: HttpMethod, path: String, id: &str, summary: &str) -> Self {
        let operation = OperationBuilder::new().operation_id(Some(id)).summary(Some(summary));
        Self { path, method, operation, schemas: Vec::new() }.fails(&[500])
    }

    pub(super) fn about(mut self, tag: &str) -> Self {
        self.operation = self.operation.tag(tag);
        self
    }

    pub(super) fn described(mut self, description: &str) -> Self {
        self.operation = self.operation.description(Some(description));
        self
    }

    pub(super) fn with(mut self, parameter: Parameter) -> Self {
        self.operation = self.operation.parameter(parameter);
        self
    }

    /// Takes a body in JSON.
    pub(super) fn takes<T: ToSchema>(mut self) -> Self {
        let body = RequestBodyBuilder::new().required(Some(Required::True));
        self.operation =
            self.operation.request_body(Some(body.content(JSON, Content::new(Some(refer::<T>()))).build()));
        self.schemas.extend(shapes::of::<T>());
        self
    }

    /// Answers something that is not JSON, or nothing.
    pub(super) fn answers(mut self, status: u16, answer: ResponseBuilder) -> Self {
        self.operation = self.operation.response(status.to_string(), answer.build());
        self
    }

    /// Answers in JSON.
    pub(super) fn answers_json<T: ToSchema>(mut self, status: u16, answer: ResponseBuilder) -> Self {
        self.schemas.extend(shapes::of::<T>());
        self.answers(status, answer.content(JSON, Content::new(Some(refer::<T>()))))
    }

    /// Answers one of two things in JSON.
    pub(super) fn answers_either<T: ToSchema, U: ToSchema>(mut self, answer: ResponseBuilder) -> Self {
        self.schemas.extend(shapes::of::<T>());
        self.schemas.extend(shapes::of::<U>());
        let either = utoipa::openapi::schema::AnyOfBuilder::new().item(refer::<T>()).item(refer::<U>());
        self.answers(200, answer.content(JSON, Content::new(Some(either))))
    }

    /// May fail with these statuses.
    pub(super) fn fails(mut self, statuses: &[u16]) -> Self {
        for status in statuses {
            let problem = Ref::from_response_name(name(*status));
            self.operation = self.operation.response(status.to_string(), problem);
        }
        self
    }

    /// The schemas that it refers to.
    pub(super) fn schemas(&self) -> Vec<(String, RefOr<Schema>)> {
        self.schemas.clone()
    }

    pub(super) fn add_to(mut paths: Paths, entry: Self) -> Paths {
        let item = PathItem::new(entry.method, entry.operation);
        match paths.paths.get_mut(&entry.path) {
            Some(present) => present.merge_operations(item),
            None => drop(paths.paths.insert(entry.path, item)),
        }
        paths
    }
}

const JSON: &str = "application/json";

fn refer<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

/// A part of the path.
pub(super) fn in_path(name: &str, what: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(name, what, schema).parameter_in(ParameterIn::Path).required(Required::True).build()
}

/// Something that may be said in the query.
pub(super) fn in_query(name: &str, what: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(name, what, schema).parameter_in(ParameterIn::Query).required(Required::False).build()
}

/// Something that may be said in the head.
pub(super) fn in_head(name: &str, what: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(name, what, schema).parameter_in(ParameterIn::Header).required(Required::False).build()
}

fn parameter(name: &str, what: &str, schema: impl Into<RefOr<Schema>>) -> ParameterBuilder {
    ParameterBuilder::new().name(name).description(Some(what)).schema(Some(schema.into()))
}

/// An answer, in words.
pub(super) fn answer(description: &str) -> ResponseBuilder {
    ResponseBuilder::new().description(description)
}

/// A body that is not JSON.
pub(super) fn media() -> Content {
    Content::new(None::<RefOr<Schema>>)
}

/// A header of an answer.
pub(super) fn header(what: &str, schema: impl Into<RefOr<Schema>>) -> Header {
    HeaderBuilder::new().schema(Some(schema.into())).description(Some(what)).build()
}

/// What can be done with the session that an answer names.
pub(super) fn link(operation: &str, file: Option<&str>) -> Link {
    let link = LinkBuilder::new().operation_id(operation).parameter("id", "$response.body#/session_id");
    match file {
        Some(file) => link.parameter("file", file).build(),
        None => link.build(),
    }
}

/// Every error that there is, by the name of its status.
pub(super) fn problems() -> BTreeMap<String, RefOr<Response>> {
    let mut problems: BTreeMap<u16, Vec<Value>> = BTreeMap::new();
    for (kind, detail) in kinds() {
        let (status, body) = Problem::example(&Error::new(kind, detail));
        problems.entry(status.as_u16()).or_default().push(body);
    }
    problems
        .into_iter()
        .map(|(status, bodies)| (name(status).to_owned(), problem(status, bodies).into()))
        .collect()
}

fn problem(status: u16, bodies: Vec<Value>) -> Response {
    let titles: Vec<_> = bodies.iter().filter_map(|body| body["title"].as_str()).collect();
    let description = titles.join("; ");
    let examples = bodies.iter().map(|body| {
        let example = utoipa::openapi::example::ExampleBuilder::new().value(Some(body.clone())).build();
        (body["title"].as_str().unwrap_or_default().replace(' ', "-"), example)
    });
    let content = utoipa::openapi::ContentBuilder::new().schema(Some(refer::<problem::Body>()));
    let answer = answer(&description).content(PROBLEM, content.examples_from_iter(examples).build());
    match status {
        503 => {
            answer.header("Retry-After", header("Seconds after which another try makes sense", u32::schema()))
        }
        _ => answer,
    }
    .build()
}

const PROBLEM: &str = "application/problem+json";

fn name(status: u16) -> &'static str {
    match status {
        400 => "Invalid",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        410 => "Gone",
        413 => "TooLarge",
        502 => "BadSource",
        503 => "Unavailable",
        504 => "SourceLate",
        _ => "InternalError",
    }
}

/// Everything that can go wrong, with what is said of it for example.
fn kinds() -> Vec<(Kind, &'static str)> {
    vec![
        (Kind::Invalid { field: Some("end_time") }, "end_time must lie after start_time"),
        (Kind::Unauthorized, "Authorization: Bearer is missing or wrong."),
        (Kind::NoIngest, "Indexing at ingest is off: INGEST_SECRET says who may ask for it."),
        (Kind::UnknownCamera, "There is no camera cam-9."),
        (Kind::NothingRecorded { nearest: Nearest::default() }, "Nothing was recorded in this range."),
        (Kind::NoLiveView, "Live view is not configured: MEDIAMTX_URL says where streams are served."),
        (Kind::UnknownSession, "There is no such session, or it has expired. Open a new one."),
        (Kind::UnknownSegment, "The session has no such segment."),
        (Kind::Gone, "A recording is no longer there, or is another one now."),
        (Kind::TooLarge, "The body is longer than 65536 bytes."),
        (Kind::BadUpstream, "The Storage Service gave an answer that makes no sense."),
        (Kind::Busy { retry_after: 2 }, "Too many segments are asked for at once. Try again."),
        (Kind::UpstreamDown, "The VMS cannot be reached: Connection refused."),
        (Kind::UpstreamLate, "The Storage Service did not answer within 10 s."),
        (Kind::Internal, "The service has a bug; it is in the log."),
    ]
}
