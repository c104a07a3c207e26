//! Tracks where in a document the next token is, to tell descriptions from other strings.
//!
//! A description is removed only where a definition must follow: removing a misplaced string could
//! make an invalid document valid.

use super::lexer::Kind;

/// Position of the next token.
#[derive(Debug, Default)]
pub(super) struct Position {
    step: Step,
    /// Number of open brackets.
    open: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    /// Before a definition.
    #[default]
    Between,
    /// After a description.
    Described,
    /// After the keyword of an operation.
    Operation,
    /// After the name of an operation.
    Named,
    /// Within variable definitions, where another may begin.
    Variables,
    /// Within variable definitions, where a value must follow.
    Default,
    /// Anywhere else in a definition.
    Within,
}

impl Position {
    /// Whether a string here may be a description.
    pub(super) const fn may_be_described(&self) -> bool {
        match self.step {
            Step::Between => true,
            Step::Variables => self.open == 1,
            _ => false,
        }
    }

    /// Whether a description may precede this token.
    pub(super) fn describes(&self, word: &str) -> bool {
        match self.step {
            Step::Described => is_operation(word) || word == "fragment",
            Step::Variables => word == "$",
            _ => false,
        }
    }

    /// Advances past a token.
    pub(super) fn pass(&mut self, kind: Kind, word: &str) {
        let is_outside = self.open == 0;
        match word {
            "{" | "[" | "(" => self.open += 1,
            "}" | "]" | ")" => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        self.step = match (self.step, kind, word) {
            (Step::Between, Kind::String { .. }, _) => Step::Described,
            (Step::Between | Step::Described, Kind::Word, _) if is_operation(word) => {
                Step::Operation
            }
            (Step::Operation, Kind::Word, _) => Step::Named,
            (Step::Variables | Step::Default, ..) if self.open == 0 => Step::Within,
            (Step::Variables | Step::Default, Kind::Sign, "=" | ":" | "$" | "@") => Step::Default,
            (Step::Operation | Step::Named, Kind::Sign, "(")
            | (Step::Variables | Step::Default, ..) => Step::Variables,
            (Step::Within, Kind::Sign, "}") if self.open == 0 && !is_outside => Step::Between,
            _ => Step::Within,
        };
    }
}

fn is_operation(word: &str) -> bool {
    matches!(word, "query" | "mutation" | "subscription")
}
