//! Writes documents that fit the real schema, at random: connections in connections, every form of
//! a page's size, fragments of both kinds, conditions.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use async_graphql::parser::types::{BaseType, FieldDefinition, TypeKind};
use serde_json::{Map, Value, json};

use super::oracle::named;
use crate::incidents::sdl;

/// The fields of every object.
static OBJECTS: LazyLock<BTreeMap<String, Vec<FieldDefinition>>> = LazyLock::new(|| {
    let objects = sdl::types().into_iter().filter_map(|definition| {
        let TypeKind::Object(object) = definition.kind else {
            return None;
        };
        let fields = object.fields.into_iter().map(|field| field.node);
        Some((definition.name.to_string(), fields.collect()))
    });
    objects.collect()
});

/// A document with its variables.
pub(super) struct Written {
    pub(super) text: String,
    pub(super) variables: Value,
}

pub(super) struct Writer<'a> {
    state: u64,
    /// Whose account `user(id:)` asks for.
    person: Option<&'a str>,
    names: usize,
    fragments: Vec<String>,
    declared: Vec<String>,
    sent: Map<String, Value>,
}

impl<'a> Writer<'a> {
    pub(super) fn write(seed: u64, person: Option<&'a str>) -> Written {
        let mut writer = Self {
            // Mixes the seed, so that neighbouring seeds diverge at once.
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            person,
            names: 0,
            fragments: Vec::new(),
            declared: Vec::new(),
            sent: Map::new(),
        };
        let depth = 3 + writer.below(7);
        let set = writer.set("Query", depth);
        let declared = match writer.declared.join(", ") {
            none if none.is_empty() => none,
            some => format!("({some})"),
        };
        let fragments = writer.fragments.concat();
        Written {
            text: format!("query A{declared} {set}{fragments}"),
            variables: Value::Object(writer.sent),
        }
    }

    /// A number below `end` (xorshift).
    fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 33).unwrap() % end
    }

    fn name(&mut self, kind: char) -> String {
        self.names += 1;
        format!("{kind}{}", self.names)
    }

    /// A selection set of some object fields and some leaves.
    fn set(&mut self, of: &str, depth: usize) -> String {
        let mut text = "{ __typename ".to_owned();
        let fields = &OBJECTS[of];
        let leads_down = |it: &&FieldDefinition| OBJECTS.contains_key(named(&it.ty.node));
        let (down, leaves): (Vec<_>, Vec<_>) = fields.iter().partition(leads_down);
        for _ in 0..=self.below(3) {
            if let Some(field) = self.one_of(&leaves) {
                let written = self.field(field, depth);
                text.push_str(&written);
            }
        }
        if depth > 0 {
            for _ in 0..=self.below(2) {
                if let Some(field) = self.one_of(&down) {
                    let written = self.field(field, depth - 1);
                    let wrapped = self.wrapped(of, written);
                    text.push_str(&wrapped);
                }
            }
        }
        text + "} "
    }

    fn one_of<'f>(&mut self, fields: &[&'f FieldDefinition]) -> Option<&'f FieldDefinition> {
        if fields.is_empty() {
            return None;
        }
        let chosen = self.below(fields.len());
        Some(fields[chosen])
    }

    /// A field under a name of its own, so that two of them never have to be merged.
    fn field(&mut self, field: &FieldDefinition, depth: usize) -> String {
        let alias = self.name('a');
        let mut text = format!("{alias}: {}", field.name);
        let mut arguments = String::new();
        for argument in &field.arguments {
            let argument = &argument.node;
            match argument.name.node.as_str() {
                "first" | "last" => {}
                "id" => {
                    let id = self.person.unwrap_or("1");
                    let _ = write!(arguments, "id: \"{id}\" ");
                }
                _ => assert!(
                    argument.ty.node.nullable,
                    "{}.{}",
                    field.name, argument.name
                ),
            }
        }
        if field
            .arguments
            .iter()
            .any(|argument| argument.node.name.node == "first")
        {
            arguments += &self.page();
        }
        if !arguments.is_empty() {
            let _ = write!(text, "({arguments})");
        }
        text.push(' ');
        text += &self.condition();
        let below = named(&field.ty.node);
        if OBJECTS.contains_key(below) {
            text += &self.set(below, depth);
        }
        debug_assert!(
            !matches!(field.ty.node.base, BaseType::List(_)) || !arguments.contains("first")
        );
        text
    }

    /// The size of a page, in one of the forms in which it can be said.
    fn page(&mut self) -> String {
        let size = [0, 1, 2, 3, 5, 19, 20, 21, 60, 100][self.below(10)];
        match self.below(12) {
            0 => String::new(),
            1 | 2 => format!("first: {size} "),
            3 => format!("last: {size} "),
            4 => "first: null ".to_owned(),
            5 => format!("first: null last: {size} "),
            6 => format!("last: null first: {size} "),
            7 => format!("first: {} ", self.variable("Int", None, Some(json!(size)))),
            8 => format!(
                "last: {} ",
                self.variable("Int", Some("7"), Some(json!(size)))
            ),
            9 => format!(
                "first: {} ",
                self.variable("Int", Some(&size.to_string()), None)
            ),
            10 => {
                let null = self.variable("Int", Some("3"), Some(Value::Null));
                format!("first: {null} last: {size} ")
            }
            _ => {
                let absent = self.variable("Int", None, None);
                format!("first: {absent} last: {size} ")
            }
        }
    }

    /// Declares a variable and says what is sent for it.
    fn variable(&mut self, kind: &str, default: Option<&str>, sent: Option<Value>) -> String {
        let name = self.name('v');
        let default = default.map_or_else(String::new, |value| format!(" = {value}"));
        self.declared.push(format!("${name}: {kind}{default}"));
        if let Some(value) = sent {
            self.sent.insert(name.clone(), value);
        }
        format!("${name}")
    }

    fn condition(&mut self) -> String {
        let on = self.below(3) > 0;
        match self.below(8) {
            0 => format!("@include(if: {on}) "),
            1 => format!("@skip(if: {}) ", !on),
            2 => {
                let variable = self.variable("Boolean!", None, Some(json!(on)));
                format!("@include(if: {variable}) ")
            }
            3 => {
                let variable = self.variable("Boolean!", Some(&(!on).to_string()), None);
                format!("@skip(if: {variable}) ")
            }
            _ => String::new(),
        }
    }

    /// The same selection in a fragment, or as it is.
    fn wrapped(&mut self, of: &str, selection: String) -> String {
        let condition = self.condition();
        match self.below(6) {
            0 => format!("... on {of} {condition}{{ {selection}}} "),
            1 => format!("... {condition}{{ {selection}}} "),
            2 | 3 => {
                let name = self.name('f');
                self.fragments
                    .push(format!("fragment {name} on {of} {{ {selection}}} "));
                let spread = format!("...{name} {condition}");
                spread.repeat(1 + self.below(2))
            }
            _ => selection,
        }
    }
}
