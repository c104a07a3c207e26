//! Reads the paths that a Rust source names, as far as the rules need it.
//!
//! Comments and literals are skipped, groups are spread, and `self` and `super` are followed, so
//! that a rule cannot be passed by writing the same path another way. Macros are not expanded.

/// A path that a source names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Used {
    /// Where it begins.
    pub(crate) line: usize,
    /// Whether it starts at the root of this crate; its own name is then left out.
    pub(crate) is_ours: bool,
    /// Its segments; a glob is `*`.
    pub(crate) path: Vec<String>,
}

/// The module that a file of the crate is.
pub(crate) fn module_of(path: &str) -> Vec<String> {
    let inside = path
        .strip_prefix("src/")
        .unwrap_or(path)
        .trim_end_matches(".rs");
    let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if module
        .last()
        .is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main"))
    {
        module.pop();
    }
    module
}

/// Every path that the text names.
pub(crate) fn uses(file: &str, text: &str) -> Vec<Used> {
    let tokens = tokens(text);
    let at = |index: usize| tokens.get(index).map_or("", |token| token.text);
    let mut scope = Scope {
        module: module_of(file),
        inner: Vec::new(),
        depth: 0,
    };
    let mut found = Vec::new();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let before = if index == 0 { "" } else { at(index - 1) };
        // `use root;` and `extern crate root;` name something as well.
        let begins = at(index + 1) == "::" || matches!(before, "use" | "crate");
        let continues = before == "." || (before == "::" && index > 1 && is_end(at(index - 2)));
        if is_name(token.text) && begins && !continues {
            let mut branches = Vec::new();
            let end = spread(&tokens, index, &[], &mut branches);
            found.extend(
                branches
                    .into_iter()
                    .map(|path| scope.resolved(token.line, path)),
            );
            index = end;
        } else {
            let named = (index > 1 && at(index - 2) == "mod").then_some(before);
            scope.step(token.text, named);
            index += 1;
        }
    }
    found
}

/// The module a token stands in, inline modules included.
struct Scope {
    module: Vec<String>,
    /// Inline modules with the number of braces around their own.
    inner: Vec<(String, usize)>,
    depth: usize,
}

impl Scope {
    fn step(&mut self, token: &str, named: Option<&str>) {
        if token == "{" {
            self.inner
                .extend(named.map(|name| (name.to_owned(), self.depth)));
            self.depth += 1;
        } else if token == "}" {
            self.depth = self.depth.saturating_sub(1);
            self.inner.retain(|(_, depth)| *depth < self.depth);
        }
    }

    fn resolved(&self, line: usize, path: Vec<String>) -> Used {
        let here = || {
            self.module
                .iter()
                .chain(self.inner.iter().map(|(name, _)| name))
                .cloned()
        };
        let mut rest = path.iter().map(String::as_str).peekable();
        let mut resolved: Vec<String> = match rest.peek() {
            Some(&("crate" | "idgate")) => {
                rest.next();
                Vec::new()
            }
            Some(&"self") => {
                rest.next();
                here().collect()
            }
            Some(&"super") => here().collect(),
            _ => {
                return Used {
                    line,
                    is_ours: false,
                    path,
                };
            }
        };
        while rest.next_if_eq(&"super").is_some() {
            resolved.pop();
        }
        resolved.extend(rest.map(str::to_owned));
        Used {
            line,
            is_ours: true,
            path: resolved,
        }
    }
}

/// Spreads the groups of the path at `index`, and says where it ends.
fn spread(
    tokens: &[Token<'_>],
    mut index: usize,
    prefix: &[String],
    branches: &mut Vec<Vec<String>>,
) -> usize {
    let at = |index: usize| tokens.get(index).map_or("", |token| token.text);
    let mut path = prefix.to_vec();
    loop {
        if at(index) == "{" {
            index += 1;
            while !matches!(at(index), "}" | "") {
                index = match at(index) {
                    "," => index + 1,
                    name if is_name(name) || matches!(name, "*" | "{") => {
                        renamed(tokens, spread(tokens, index, &path, branches))
                    }
                    _ => index + 1,
                };
            }
            return index + 1;
        }
        // `self` in a group is the group's own path.
        if at(index) != "self" || path.is_empty() {
            path.push(at(index).to_owned());
        }
        let goes_on =
            at(index + 1) == "::" && (is_name(at(index + 2)) || matches!(at(index + 2), "*" | "{"));
        if !goes_on {
            branches.push(path);
            return index + 1;
        }
        index += 2;
    }
}

/// Skips the new name after `as`.
fn renamed(tokens: &[Token<'_>], index: usize) -> usize {
    if tokens.get(index).is_some_and(|token| token.text == "as") {
        index + 2
    } else {
        index
    }
}

/// Whether `::` behind this belongs to it.
fn is_end(token: &str) -> bool {
    let is_keyword = matches!(
        token,
        "use" | "in" | "as" | "return" | "dyn" | "impl" | "mut"
    );
    token == ">" || (is_name(token) && !is_keyword)
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

struct Token<'a> {
    text: &'a str,
    line: usize,
}

/// The words and signs of a source, without comments and literals.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let skipped = comment(rest).or_else(|| literal(rest));
        let length = skipped.unwrap_or_else(|| {
            let word = rest.find(|sign: char| !(sign.is_alphanumeric() || sign == '_'));
            match word.unwrap_or(rest.len()) {
                0 if ["::", "->", "=>"].iter().any(|sign| rest.starts_with(sign)) => 2,
                0 => first.len_utf8(),
                length => length,
            }
        });
        let (token, after) = rest.split_at(length);
        if skipped.is_none() && !first.is_whitespace() {
            tokens.push(Token { text: token, line });
        }
        line += token.matches('\n').count();
        rest = after;
    }
    tokens
}

/// The length of the comment that the text begins with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    let mut depth = 0_usize;
    let mut length = 0;
    while let Some(rest) = text.get(length..) {
        if rest.starts_with("/*") {
            depth += 1;
            length += 2;
        } else if depth == 0 {
            return None;
        } else if rest.starts_with("*/") {
            depth -= 1;
            length += 2;
            if depth == 0 {
                return Some(length);
            }
        } else {
            length += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    Some(text.len())
}

/// The length of the text or character literal that the text begins with.
fn literal(text: &str) -> Option<usize> {
    let bare = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - bare.len();
    if prefix > 1 {
        return None;
    }
    if let Some(raw) = bare.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if let Some(inside) = raw.trim_start_matches('#').strip_prefix('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
            return Some(prefix + 1 + hashes + 1 + length);
        }
    }
    let quote = bare
        .chars()
        .next()
        .filter(|sign| matches!(sign, '"' | '\''))?;
    let inside = bare.get(1..)?;
    // A quote that no quote follows after one character begins a lifetime.
    let is_lifetime = !inside.starts_with('\\') && inside.chars().nth(1) != Some('\'');
    if quote == '\'' && is_lifetime {
        return None;
    }
    let mut escaped = false;
    let end = inside.char_indices().find(|&(_, sign)| {
        let ends = sign == quote && !escaped;
        escaped = sign == '\\' && !escaped;
        ends
    });
    Some(prefix + 1 + end.map_or(inside.len(), |(at, _)| at + 1))
}
