//! The rules of numbering plans, compiled once.
//!
//! The library compiles a rule when a number needs it, with `\d` for the digits of every script,
//! caches a hundred and holds one lock meanwhile: numbers of one country after the other would take
//! 6 ms each and block all other requests (denial of service). We parse ASCII digits only; rules for those
//! take a fifth of the time and a tenth of the memory, so all of them can be cached.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use phonenumber::metadata::{DATABASE, Descriptor, Metadata};

/// More than there are rules, so that none is evicted and compiled again.
const MAX_RULES: usize = 4_096;
/// Digits of a calling code (ITU-T E.164 §6.2.1).
const MAX_CODE_DIGITS: usize = 3;

static RULES: LazyLock<Rules> = LazyLock::new(Rules::new);

struct Rules {
    /// Calling codes whose rules are compiled.
    known: Mutex<HashSet<u16>>,
}

/// Loads the library's tables and compiles the rules of calling codes that countries share, which
/// takes 100 ms at startup. Those of any other country take at most 3 ms, once.
pub fn load() {
    let codes: HashSet<u16> = DATABASE.iter().map(Metadata::country_code).collect();
    for code in codes {
        if DATABASE.by_code(&code).is_some_and(|plans| plans.len() > 1) {
            prepare(code);
        }
    }
}

/// Compiles the rules of a calling code.
pub(super) fn prepare(code: u16) {
    RULES.compile(code);
}

/// Compiles the rules for an international number, without its `+`.
pub(super) fn prepare_international(digits: &str) {
    for length in 1..=MAX_CODE_DIGITS {
        if let Some(Ok(code)) = digits.get(..length).map(str::parse) {
            prepare(code);
        }
    }
}

/// Compiles the rules for a number of a region (ISO 3166-1 alpha-2, capitals).
pub(super) fn prepare_region(region: &str) {
    if let Some(plan) = DATABASE.by_id(region) {
        prepare(plan.country_code());
    }
}

impl Rules {
    fn new() -> Self {
        let cache = DATABASE.cache();
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.set_capacity(MAX_RULES);
        Self {
            known: Mutex::default(),
        }
    }

    fn compile(&self, code: u16) {
        let Some(plans) = DATABASE.by_code(&code) else {
            return;
        };
        let is_known = |known: &Mutex<HashSet<u16>>| {
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            known.contains(&code)
        };
        if is_known(&self.known) {
            return;
        }
        for rule in plans.into_iter().flat_map(rules) {
            // Locked for one rule at a time, so that other numbers can be parsed meanwhile.
            let cache = DATABASE.cache();
            let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
            // Cached where the library looks it up by its text. A rule that needs more than ASCII fails
            // to compile here and is left to the library.
            let _ = cache.configure(rule, |rule| rule.ignore_whitespace(true).unicode(false));
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(code);
    }
}

/// Every rule that parsing or classifying a number of a plan can need, but none for formatting.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method is that of a crate which only the library names"
)]
fn rules(plan: &Metadata) -> impl Iterator<Item = &str> {
    let kinds = plan.descriptors();
    let descriptors: [Option<&Descriptor>; 11] = [
        Some(kinds.general()),
        kinds.fixed_line(),
        kinds.mobile(),
        kinds.toll_free(),
        kinds.premium_rate(),
        kinds.shared_cost(),
        kinds.personal_number(),
        kinds.voip(),
        kinds.pager(),
        kinds.uan(),
        kinds.voicemail(),
    ];
    let parsing = [
        plan.international_prefix(),
        plan.national_prefix_for_parsing(),
        plan.leading_digits(),
    ];
    let descriptors = descriptors.into_iter().flatten();
    let rules = descriptors.map(Descriptor::national_number);
    let rules = rules.chain(parsing.into_iter().flatten());
    rules.map(|rule| rule.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::PhoneNumber;
    use super::*;

    fn codes() -> HashSet<u16> {
        DATABASE.iter().map(Metadata::country_code).collect()
    }

    fn compiled() -> usize {
        DATABASE.cache().lock().unwrap().len()
    }

    /// Counted, not timed: once its calling code was seen, no number compiles a rule, and none is
    /// evicted.
    #[test]
    fn the_library_has_no_rule_left_to_compile() {
        codes().into_iter().for_each(prepare);
        let all = compiled();
        assert!((1_000..MAX_RULES).contains(&all), "{all} rules");
        for plan in DATABASE.iter() {
            let kinds = plan.descriptors();
            let examples = [
                Some(kinds.general()),
                kinds.fixed_line(),
                kinds.mobile(),
                kinds.premium_rate(),
                kinds.voip(),
            ];
            let examples = examples.into_iter().flatten();
            let examples = examples.filter_map(Descriptor::example);
            let others = [
                "0",
                "00",
                "1",
                "9",
                "123456",
                "5550100",
                "0612345678",
                "00442079460000",
                "01144207946000",
                "99999999999999",
            ];
            for national in examples.chain(others) {
                let number = format!("+{}{national}", plan.country_code());
                if let Ok(number) = PhoneNumber::parse(&number, None) {
                    let _ = number.line();
                }
                if let Ok(number) = PhoneNumber::parse(national, Some(plan.id())) {
                    let _ = number.text_country();
                }
            }
            assert_eq!(compiled(), all, "{} has another rule", plan.id());
        }
    }

    /// Compiles of rules during a request.
    #[test]
    fn the_rules_of_one_country_are_few_and_short() {
        for code in codes() {
            let plans = DATABASE.by_code(&code).unwrap();
            if let [plan] = plans[..] {
                let rules: HashSet<&str> = rules(plan).collect();
                let letters: usize = rules.iter().map(|rule| rule.len()).sum();
                assert!(rules.len() <= 14, "+{code} has {}", rules.len());
                assert!(letters <= 16_384, "+{code} has {letters} letters");
            }
        }
    }

    #[test]
    fn rules_for_ascii_digits_answer_as_those_of_the_library() {
        codes().into_iter().for_each(prepare);
        let mut ours = DATABASE.cache().lock().unwrap().clone();
        let mut theirs = ours.clone();
        theirs.clear();
        let mut state = 1_u64;
        let mut number = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let digits = (state >> 20) % 10_u64.pow(4 + (state >> 60) as u32 % 9);
            digits.to_string()
        };
        let sample = DATABASE.iter().filter(|plan| plan.country_code() % 8 == 1);
        for rule in sample.flat_map(rules).collect::<HashSet<_>>() {
            let ours = ours.configure(rule, |rule| rule).unwrap().clone();
            let theirs = theirs.configure(rule, |rule| rule.ignore_whitespace(true));
            let theirs = theirs.unwrap();
            for _ in 0..100 {
                let number = number();
                let found = ours.find(&number).map(|found| found.range());
                assert_eq!(
                    found,
                    theirs.find(&number).map(|found| found.range()),
                    "{rule}"
                );
            }
        }
    }
}
