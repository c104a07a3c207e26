//! The OpenAPI document: what the operations declare, and the answers that all of them can give.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use utoipa::openapi::path::Operation as Described;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Components, Content, ContentBuilder, Header, HeaderBuilder, ObjectBuilder, Ref, RefOr,
    Required, Response, ResponseBuilder, Schema, Type,
};
use utoipa::{Modify, OpenApi};

use super::refusal::Failure;
use super::{account, google, otp, password, session};

/// What is described beside the operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "idgate REST API",
        description = "Accounts, sign-in and sessions for clients of the Django system that idgate takes over from. Every answer is JSON in one envelope: `{ success, message, data }`, or `{ success, message, error, code }`. Each path is also served with a slash at its end. Cookies are neither read nor set. Fields that an operation does not have are ignored. The GraphQL API has everything else.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        account::register,
        session::login,
        session::refresh,
        session::logout,
        google::google,
        otp::otp_request,
        otp::otp_verify,
        password::password_reset,
        password::password_confirm,
        password::password_change,
        account::profile,
        account::profile_update,
        account::profile_replace,
    ),
    components(schemas(Failure)),
    tags(
        (name = "account", description = "Registration and profile."),
        (name = "session", description = "Sign-in, refresh and sign-out."),
        (name = "google", description = "Sign-in with Google."),
        (name = "otp", description = "One-time codes."),
        (name = "password", description = "Resetting and changing passwords."),
    ),
    modifiers(&Common),
)]
struct Document;

/// The scheme of access tokens, and the refusals that operations have in common.
struct Common;

/// Each common refusal: its status, when it happens, whether it needs a body and says when to retry.
const REFUSALS: [(&str, &str, Applies, Option<&str>); 11] = [
    (
        "400",
        "The input is invalid: `error` has the messages of each field. Or the body cannot be read, or a code or token is not right.",
        Applies::ToBodies,
        None,
    ),
    (
        "401",
        "Not signed in, or the token or the credentials are not valid.",
        Applies::Always,
        Some("WWW-Authenticate"),
    ),
    (
        "403",
        "The credentials are right, and yet it is not allowed: `code` says why.",
        Applies::ToBodies,
        None,
    ),
    (
        "405",
        "The path has no such method.",
        Applies::Always,
        Some("Allow"),
    ),
    (
        "406",
        "The client does not accept JSON.",
        Applies::Always,
        None,
    ),
    (
        "409",
        "In conflict with existing data.",
        Applies::ToBodies,
        None,
    ),
    ("413", "The body is too large.", Applies::ToBodies, None),
    (
        "415",
        "The body is not JSON in UTF-8.",
        Applies::ToBodies,
        None,
    ),
    (
        "429",
        "Too many attempts.",
        Applies::ToBodies,
        Some("Retry-After"),
    ),
    (
        "500",
        "An unexpected failure. The server's log has details under the request id.",
        Applies::Always,
        None,
    ),
    (
        "503",
        "A dependency is not available, or the server has too much to do.",
        Applies::Always,
        Some("Retry-After"),
    ),
];

/// Which operations a refusal applies to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Applies {
    Always,
    ToBodies,
}

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_with(Components::new);
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.bearer_format = Some("JWT".to_owned());
        bearer.description = Some("The access token of a sign-in.".to_owned());
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        for (status, description, _, header) in REFUSALS {
            let name = format!("Refused{status}");
            let response = response(description, header);
            components.responses.insert(name, RefOr::T(response));
        }
        let optional = without_required_fields(components);
        for path in document.paths.paths.values_mut() {
            let operations = [
                &mut path.get,
                &mut path.post,
                &mut path.patch,
                &mut path.put,
            ];
            for operation in operations.into_iter().flatten() {
                describe(operation, &optional);
            }
        }
    }
}

/// The references to the schemas of which no field is required.
fn without_required_fields(components: &Components) -> BTreeSet<String> {
    let schemas = components.schemas.iter();
    let optional = schemas.filter(|(_, schema)| {
        matches!(schema, RefOr::T(Schema::Object(object)) if object.required.is_empty())
    });
    optional
        .map(|(name, _)| Ref::from_schema_name(name).ref_location)
        .collect()
}

fn describe(operation: &mut Described, optional: &BTreeSet<String>) {
    let has_body = operation.request_body.is_some();
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        let is_optional = body.content.values().all(|content| match content {
            RefOr::T(Content {
                schema: Some(RefOr::Ref(reference)),
                ..
            }) => optional.contains(&reference.ref_location),
            _ => false,
        });
        body.required = Some(if is_optional {
            Required::False
        } else {
            Required::True
        });
    }
    for (status, _, applies, _) in REFUSALS {
        if applies == Applies::Always || has_body {
            let reference = Ref::from_response_name(format!("Refused{status}"));
            let responses = &mut operation.responses.responses;
            responses.insert(status.to_owned(), RefOr::Ref(reference));
        }
    }
}

fn response(description: &str, header: Option<&str>) -> Response {
    let body = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Failure")))
        .build();
    let mut response = ResponseBuilder::new()
        .description(description)
        .content("application/json", body);
    if let Some(name) = header {
        response = response.header(name, self::header(name));
    }
    response.build()
}

fn header(name: &str) -> Header {
    let (kind, description) = match name {
        "Retry-After" => (Type::Integer, "Seconds to wait before a retry."),
        "Allow" => (Type::String, "The methods of the path."),
        _ => (Type::String, "`Bearer`."),
    };
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(kind)))
        .description(Some(description))
        .build()
}

/// The document, as it is served and committed.
#[must_use]
pub fn openapi() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
        text.push('\n');
        text
    });
    &TEXT
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::rest::operation::Operation;

    fn document() -> Value {
        serde_json::from_str(openapi()).unwrap()
    }

    #[test]
    fn the_document_has_the_operations_that_are_served_and_no_others() {
        let document = document();
        let served = Operation::ALL.iter().map(|operation| {
            let method = operation.method().as_str().to_ascii_lowercase();
            format!("{method} {}", operation.path())
        });
        let paths = document["paths"].as_object().unwrap();
        let described = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(move |method| format!("{method} {path}"))
        });
        assert_eq!(served.collect::<BTreeSet<_>>(), described.collect());
    }

    #[test]
    fn every_part_of_the_document_is_described() {
        let document = document();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let name = format!("{method} {path}");
                assert!(operation["summary"].is_string(), "{name}");
                assert!(operation["operationId"].is_string(), "{name}");
                for (status, response) in operation["responses"].as_object().unwrap() {
                    let is_described = response["description"].is_string();
                    assert!(
                        is_described || response["$ref"].is_string(),
                        "{name} {status}"
                    );
                }
            }
        }
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            for (field, property) in schema["properties"].as_object().into_iter().flatten() {
                let has_text = |value: &Value| value["description"].is_string();
                let variants = property["oneOf"].as_array().into_iter().flatten();
                let is_described = has_text(property)
                    || property["$ref"].is_string()
                    || variants.into_iter().any(has_text);
                assert!(is_described, "{name}.{field}");
            }
        }
    }
}
