//! The schema as data, so that later additions are checked too.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeDefinition, TypeKind, TypeSystemDefinition};

/// Every type of the schema.
pub(crate) fn types() -> Vec<TypeDefinition> {
    let document = parse_schema(idgate::schema::sdl()).unwrap();
    let definitions = document.definitions.into_iter();
    definitions
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(definition.node),
            _ => None,
        })
        .collect()
}

/// The input fields of this name, as `Input.field`.
pub(crate) fn inputs_named(name: &str) -> Vec<String> {
    inputs()
        .into_iter()
        .filter(|(_, field, _)| field == name)
        .map(written)
        .collect()
}

/// The input fields of this type.
pub(crate) fn inputs_with(kind: &str) -> Vec<String> {
    inputs()
        .into_iter()
        .filter(|(_, _, found)| found.contains(kind))
        .map(written)
        .collect()
}

fn written((input, field, _): (String, String, String)) -> String {
    format!("{input}.{field}")
}

/// The fields of an input with the names of their types; none for what is no input.
pub(crate) fn fields_of_input(input: &str) -> Vec<(String, String)> {
    let fields = inputs().into_iter().filter(|(of, ..)| of == input);
    fields
        .map(|(_, field, kind)| (field, kind.replace(['!', '[', ']'], "")))
        .collect()
}

/// The arguments of a field with the names of their types.
pub(crate) fn arguments_of(kind: &str, field: &str) -> Vec<(String, String)> {
    let found = types()
        .into_iter()
        .find(|definition| definition.name.node == kind)
        .unwrap();
    let TypeKind::Object(object) = found.kind else {
        panic!("{kind} is an object")
    };
    let mut fields = object.fields.into_iter().map(|field| field.node);
    let field = fields
        .find(|definition| definition.name.node == field)
        .unwrap();
    let arguments = field.arguments.into_iter().map(|argument| argument.node);
    arguments
        .map(|argument| {
            (
                argument.name.to_string(),
                argument.ty.to_string().replace('!', ""),
            )
        })
        .collect()
}

/// Input, field and type.
pub(crate) fn inputs() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for definition in types() {
        let TypeKind::InputObject(input) = definition.kind else {
            continue;
        };
        for field in input.fields {
            let (name, kind) = (field.node.name.to_string(), field.node.ty.to_string());
            found.push((definition.name.to_string(), name, kind));
        }
    }
    assert!(
        !found.is_empty(),
        "no input was found, so nothing is checked"
    );
    found
}

/// Every mutation with the name of its result.
pub(crate) fn mutations() -> Vec<(String, String)> {
    let mutation = types()
        .into_iter()
        .find(|definition| definition.name.node == "Mutation")
        .unwrap();
    let TypeKind::Object(mutation) = mutation.kind else {
        panic!("Mutation is an object")
    };
    let fields = mutation.fields.into_iter().map(|field| field.node);
    fields
        .map(|field| {
            let result = field.ty.to_string().trim_end_matches('!').to_owned();
            (field.name.to_string(), result)
        })
        .collect()
}

/// The members of a union.
pub(crate) fn members(name: &str) -> Vec<String> {
    let union = types()
        .into_iter()
        .find(|definition| definition.name.node == name)
        .unwrap();
    let TypeKind::Union(union) = union.kind else {
        panic!("{name} is no union")
    };
    union.members.iter().map(ToString::to_string).collect()
}
