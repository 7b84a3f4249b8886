//! `/openapi.json`: what this API takes and answers, generated from the types that do it.
//!
//! [`operations`] is the table of routes once more, with what each takes and answers; [`parts`] is what that table is written
//! with; [`shapes`] says what types cannot say for themselves.

mod operations;
mod parts;
pub(super) mod shapes;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::{Components, Info, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Server};

use self::parts::Entry;
use super::{App, sessions};

/// `GET /openapi.json`
pub(super) async fn document(State(app): State<App>) -> Response {
    // Some fifty kilobytes, for whoever asks once a day: nothing that is worth being kept.
    let json = serde_json::to_vec(&of(sessions::base(&app))).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], json).into_response()
}

/// The document of a service that clients reach at `base`.
fn of(base: &str) -> OpenApi {
    let operations = operations::all();
    let mut components = Components::new();
    components.schemas = operations.iter().flat_map(Entry::schemas).chain(shapes::of_problems()).collect();
    components.responses = parts::problems();
    OpenApiBuilder::new()
        .info(info())
        .servers(Some([Server::new(if base.is_empty() { "/" } else { base })]))
        .paths(operations.into_iter().fold(Default::default(), Entry::add_to))
        .components(Some(components))
        .build()
}

fn info() -> Info {
    let licence = LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE"));
    InfoBuilder::new()
        .title(env!("CARGO_PKG_NAME"))
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(licence.build()))
        .build()
}

const DESCRIPTION: &str = "Plays any time range of any camera's recorded footage as HLS.\n\n\
Times are RFC 3339 with a zone. Errors are `application/problem+json` (RFC 9457), with `error` and `message` besides; what \
goes wrong in the service itself is a 500, a method that a path does not have is a 405 with `Allow`. Every answer has an \
`X-Request-Id`: the client's own, where it sent one that can be logged. Members of a request's body that are not named here \
are passed over. Whoever knows the id of a session may play it.";

#[cfg(test)]
mod tests;
