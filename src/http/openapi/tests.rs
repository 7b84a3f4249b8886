use std::collections::BTreeSet;

use serde_json::{Value, json};
use utoipa::ToSchema;

use super::shapes::{ExtendRequest, LiveRequest, StartRequest};
use super::*;
use crate::error::Kind;
use crate::http::API;
use crate::http::params::{self, Start, Watch};

fn written(base: &str) -> Value {
    serde_json::to_value(of(base)).unwrap()
}

/// `GET /health` and the like, of the document.
fn documented() -> BTreeSet<String> {
    let document = written("");
    let paths = document["paths"].as_object().unwrap().iter();
    let methods = |(path, item): (&String, &Value)| -> Vec<String> {
        item.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())).collect()
    };
    paths.flat_map(methods).collect()
}

/// Those of the router, which does not tell: its table is read.
fn routed() -> BTreeSet<String> {
    let table = include_str!("../mod.rs");
    let (_, api) = table.split_once("let api = Router::new()").unwrap();
    let (api, rest) = api.split_once("let routes = Router::new()").unwrap();
    let (root, _) = rest.split_once(".fallback(").unwrap();
    routes(api, API).chain(routes(root, "")).collect()
}

fn routes<'a>(table: &'a str, base: &'a str) -> impl Iterator<Item = String> + 'a {
    table.split(".route(").skip(1).flat_map(move |route| {
        let (path, handlers) = route.trim_start_matches([' ', '\n', '"']).split_once('"').unwrap();
        let methods = ["get", "post", "put", "patch", "delete"].into_iter();
        let has = move |method: &&str| handlers.contains(&format!("{method}("));
        methods.filter(has).map(move |method| format!("{} {base}{path}", method.to_uppercase()))
    })
}

/// What people look at.
const PAGE: [&str; 2] = ["GET /", "GET /assets/{file}"];

#[test]
fn every_route_is_in_the_document_and_the_other_way_round() {
    let mut routed = routed();
    assert!(routed.len() > 15 && routed.contains(&format!("DELETE {API}/sessions/{{id}}")), "{routed:?}");
    for page in PAGE {
        assert!(routed.remove(page), "{page}");
    }
    // A route that can be got answers HEAD as well; it is in the document where players use it.
    let documented: BTreeSet<String> =
        documented().into_iter().filter(|operation| !operation.starts_with("HEAD ")).collect();
    assert_eq!(documented, routed);
}

/// Every string behind `key` below `value`.
fn all(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get(key).and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| all(member, key, found));
        }
        Value::Array(items) => items.iter().for_each(|item| all(item, key, found)),
        _ => {}
    }
}

#[test]
fn what_the_document_refers_to_is_there() {
    let document = written("");
    let (mut references, mut operations, mut links) = (Vec::new(), Vec::new(), Vec::new());
    all(&document, "$ref", &mut references);
    for reference in &references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    for path in document["paths"].as_object().unwrap().values() {
        for operation in path.as_object().unwrap().values() {
            operations.push(operation["operationId"].as_str().unwrap().to_owned());
            all(&operation["responses"], "operationId", &mut links);
        }
    }
    assert!(!links.is_empty() && links.iter().all(|link| operations.contains(link)), "{links:?}");
    let distinct: BTreeSet<&String> = operations.iter().collect();
    assert_eq!(distinct.len(), operations.len(), "every operation has a name of its own");
}

#[test]
fn every_error_is_described() {
    let problems = parts::problems();
    assert_eq!(problems.len(), 10, "a status has a name of its own");
    let unavailable = serde_json::to_value(&problems["Unavailable"]).unwrap();
    assert!(unavailable["headers"]["Retry-After"].is_object());
    assert_eq!(
        unavailable["content"]["application/problem+json"]["examples"]["Busy"]["value"]["status"],
        503
    );
}

/// What the document says of a request is what is read of one: its example, and that no member may be missing.
#[test]
fn requests_are_read_as_they_are_described() {
    described::<StartRequest>(|body| Start::parse(body).map(drop));
    described::<LiveRequest>(|body| Watch::parse(body).map(drop));
    described::<ExtendRequest>(|body| params::extension(body).map(drop));
}

fn described<T: ToSchema>(read: impl Fn(&[u8]) -> crate::error::Result<()>) {
    let schema = serde_json::to_value(T::schema()).unwrap();
    let example = schema["example"].as_object().unwrap();
    assert_eq!(read(json!(example).to_string().as_bytes()), Ok(()), "{example:?}");
    let members: BTreeSet<&str> = example.keys().map(String::as_str).collect();
    let required = schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
    assert_eq!(members, required.collect());
    for member in members {
        let mut without = example.clone();
        without.remove(member);
        let refused = read(json!(without).to_string().as_bytes()).unwrap_err();
        assert!(
            matches!(refused.kind(), Kind::Invalid { field: Some(field) } if *field == member),
            "{member}"
        );
    }
}

#[test]
fn paths_are_behind_the_base_that_clients_use() {
    assert_eq!(written("")["servers"], json!([{ "url": "/" }]));
    let base = "https://cctv.example.com/playback";
    assert_eq!(written(base)["servers"], json!([{ "url": base }]));
}
