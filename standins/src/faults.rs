//! What goes wrong between a server and its clients, on demand.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Sleep;

use crate::lock;

/// A way to fail.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Something else is answered.
    Answer {
        /// The status code.
        status: u16,
        /// What its body is said to be.
        content_type: &'static str,
        /// The body.
        body: String,
    },
    /// The whole answer is announced; after so many bytes of its body the connection ends.
    CutAfter(u64),
    /// After so many bytes of the body nothing comes any more, and the connection stays open.
    StallAfter(u64),
    /// After so long the connection ends, wherever the answer is.
    CutAt(Duration),
    /// The answer begins so much later.
    Delay(Duration),
    /// There is no answer, and the connection stays open.
    Stall,
    /// The connection ends without an answer.
    Close,
}

impl Fault {
    /// Nothing but a status code.
    pub fn status(status: u16) -> Self {
        Self::Answer { status, content_type: "text/plain", body: String::new() }
    }

    /// A status code with JSON.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::Answer { status, content_type: "application/json", body: body.to_string() }
    }

    /// A status code with an error of an S3 server.
    pub fn s3(status: u16, code: &str) -> Self {
        Self::Answer { status, content_type: "application/xml", body: s3_error(code) }
    }
}

/// The body of an S3 server's error.
pub(crate) fn s3_error(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{code}</Message></Error>"
    )
}

/// How often a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// To so many requests from now on.
    Next(usize),
    /// Until it is cleared.
    Always,
}

/// The faults of a server, to be changed while it runs.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Rule>>>);

#[derive(Debug)]
struct Rule {
    part: String,
    times: Times,
    fault: Fault,
}

impl Faults {
    /// From now on, requests whose path (and query) contains `part` meet `fault`. Of several the oldest comes first.
    pub fn on(&self, part: &str, times: Times, fault: Fault) {
        lock(&self.0).push(Rule { part: part.to_owned(), times, fault });
    }

    /// As [`on`](Self::on), whatever is asked for.
    pub fn always(&self, fault: Fault) {
        self.on("", Times::Always, fault);
    }

    /// As [`on`](Self::on), for the next request whatever it asks for.
    pub fn once(&self, fault: Fault) {
        self.on("", Times::Next(1), fault);
    }

    /// Everything works again.
    pub fn clear(&self) {
        lock(&self.0).clear();
    }

    fn next(&self, target: &str) -> Option<Fault> {
        let mut rules = lock(&self.0);
        let index = rules.iter().position(|rule| target.contains(&rule.part))?;
        let rule = rules.get_mut(index)?;
        let fault = rule.fault.clone();
        if let Times::Next(left) = &mut rule.times {
            *left = left.saturating_sub(1);
            if *left == 0 {
                rules.remove(index);
            }
        }
        Some(fault)
    }

    /// Puts the faults between `router` and its clients.
    pub(crate) fn before(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), fail))
    }
}

async fn fail(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    let target = request.uri().to_string();
    match faults.next(&target) {
        None => next.run(request).await,
        Some(Fault::Answer { status, content_type, body }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
        }
        Some(Fault::CutAfter(bytes)) => broken(next.run(request).await, bytes, Then::Cut(FLUSH)),
        Some(Fault::StallAfter(bytes)) => broken(next.run(request).await, bytes, Then::Stall),
        Some(Fault::CutAt(after)) => broken(next.run(request).await, 0, Then::Cut(after)),
        Some(Fault::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            next.run(request).await
        }
        Some(Fault::Stall) => std::future::pending().await,
        Some(Fault::Close) => closed(),
    }
}

/// Time for what was written to leave, before a connection is cut.
const FLUSH: Duration = Duration::from_millis(10);

/// Marks an answer that is not to be given: the server closes the connection instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unanswered;

fn closed() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Unanswered);
    response
}

#[derive(Debug, Clone, Copy)]
enum Then {
    Cut(Duration),
    Stall,
}

fn broken(response: Response, left: u64, then: Then) -> Response {
    let (mut head, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let end = match then {
        Then::Cut(after) => Some(Box::pin(tokio::time::sleep(after))),
        Then::Stall => None,
    };
    Response::from_parts(head, Body::new(Broken { body, left, then, end }))
}

/// A body that ends before its end.
#[derive(Debug)]
struct Broken {
    body: Body,
    left: u64,
    then: Then,
    end: Option<Pin<Box<Sleep>>>,
}

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return match &mut self.end {
                Some(end) => {
                    ready!(end.as_mut().poll(context));
                    Poll::Ready(Some(Err(io::Error::other("cut"))))
                }
                None => Poll::Pending,
            };
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let Some(Ok(frame)) = frame else { return Poll::Ready(None) };
        let Ok(mut bytes) = frame.into_data() else { return Poll::Ready(None) };
        bytes.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= bytes.len() as u64;
        if let Then::Cut(after) = self.then {
            self.end = Some(Box::pin(tokio::time::sleep(after)));
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
