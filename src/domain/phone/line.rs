//! The line type of a number, and whether text messages may be sent to it.
//!
//! Texts to premium, shared-cost and satellite numbers are how *SMS pumping* earns money. The answer
//! depends on the number alone, so it reveals nothing about accounts.

use phonenumber::country;
use phonenumber::metadata::{DATABASE, Descriptor, Descriptors};

use super::{PhoneNumber, rules};

/// The line types of numbering plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// A mobile phone.
    Mobile,
    /// A landline or a mobile phone: indistinguishable, as in the United States.
    FixedOrMobile,
    /// A landline.
    Fixed,
    /// Toll-free.
    TollFree,
    /// Premium rate: the callee earns.
    Premium,
    /// Shared cost.
    SharedCost,
    /// A personal number at a premium price (+44 70).
    Personal,
    /// Voice over IP: thousands of numbers cost little.
    Voip,
    /// A pager.
    Pager,
    /// A universal access number of a company.
    Company,
    /// A voice mailbox.
    Voicemail,
    /// Not in any country: satellites and international services (+870, +881, +882, +979).
    Global,
    /// Unknown to the numbering plan.
    Unknown,
}

/// Why no text message is sent to a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextRule {
    /// The line is not a mobile phone.
    #[error("Text messages go to mobile numbers only.")]
    Kind,
    /// The country is not enabled.
    #[error("Text messages do not go to this country.")]
    Country,
}

impl PhoneNumber {
    /// The line type.
    #[must_use]
    pub fn line(&self) -> LineKind {
        self.plan().map_or(LineKind::Unknown, |(kind, _)| kind)
    }

    /// The destination country (ISO 3166-1 alpha-2) of a text message to this number.
    ///
    /// # Errors
    ///
    /// [`TextRule::Kind`] for a line that takes no texts, or at a special price.
    pub fn text_country(&self) -> Result<String, TextRule> {
        match self.plan() {
            Some((LineKind::Mobile | LineKind::FixedOrMobile, country)) => Ok(country),
            _ => Err(TextRule::Kind),
        }
    }

    /// The block of ten thousand numbers that contains this one. Pumping uses consecutive numbers.
    #[must_use]
    pub fn range(&self) -> &str {
        let end = self.0.len().saturating_sub(4);
        self.0.get(..end).unwrap_or(&self.0)
    }

    fn plan(&self) -> Option<(LineKind, String)> {
        rules::prepare_international(self.0.trim_start_matches('+'));
        let number = phonenumber::parse(None, &self.0).ok()?;
        let metadata = number.metadata(&DATABASE)?;
        let country = metadata.id().to_owned();
        if !is_country(&country) {
            return Some((LineKind::Global, country));
        }
        // The library's own formatting drops the leading zero that numbers of some countries have.
        let kind = kind(metadata.descriptors(), &number.national().to_string());
        Some((kind, country))
    }
}

/// Whether the library knows this country (ISO 3166-1 alpha-2, capitals).
#[must_use]
pub fn is_country(code: &str) -> bool {
    code.len() == 2 && code.parse::<country::Id>().is_ok()
}

fn kind(plan: &Descriptors, national: &str) -> LineKind {
    let is =
        |descriptor: Option<&Descriptor>| descriptor.is_some_and(|known| known.is_match(national));
    if !plan.general().is_match(national) {
        return LineKind::Unknown;
    }
    // Special ranges first: they lie within those of ordinary numbers.
    for (descriptor, kind) in [
        (plan.premium_rate(), LineKind::Premium),
        (plan.toll_free(), LineKind::TollFree),
        (plan.shared_cost(), LineKind::SharedCost),
        (plan.voip(), LineKind::Voip),
        (plan.personal_number(), LineKind::Personal),
        (plan.pager(), LineKind::Pager),
        (plan.uan(), LineKind::Company),
        (plan.voicemail(), LineKind::Voicemail),
    ] {
        if is(descriptor) {
            return kind;
        }
    }
    match (is(plan.fixed_line()), is(plan.mobile())) {
        (true, true) => LineKind::FixedOrMobile,
        (true, false) => LineKind::Fixed,
        (false, true) => LineKind::Mobile,
        (false, false) => LineKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text, None).unwrap()
    }

    #[test]
    fn texts_go_to_mobile_phones_and_nowhere_that_earns() {
        use LineKind::{
            Company, Fixed, FixedOrMobile, Global, Mobile, Pager, Personal, Premium, TollFree,
        };
        let cases = [
            ("+37477123456", Mobile, Some("AM")),
            ("+491701234567", Mobile, Some("DE")),
            ("+447400123456", Mobile, Some("GB")),
            ("+447781123456", Mobile, Some("GG")),
            ("+33612345678", Mobile, Some("FR")),
            ("+393123456789", Mobile, Some("IT")),
            ("+5511961234567", Mobile, Some("BR")),
            ("+77012345678", Mobile, Some("KZ")),
            // National numbers with a significant leading zero.
            ("+2250123456789", Mobile, Some("CI")),
            ("+242061234567", Mobile, Some("CG")),
            ("+16502530000", FixedOrMobile, Some("US")),
            ("+12042345678", FixedOrMobile, Some("CA")),
            ("+37410123456", Fixed, None),
            ("+74951234567", Fixed, None),
            ("+19002345678", Premium, None),
            ("+33891234567", Premium, None),
            ("+18005550123", TollFree, None),
            ("+448431234567", Premium, None),
            ("+447012345678", Personal, None),
            ("+443001234567", Company, None),
            ("+4916412345678", Pager, None),
            ("+870773111632", Global, None),
            ("+881612345678", Global, None),
            ("+979123456789", Global, None),
            ("+80012345678", Global, None),
            ("+80812345678", Global, None),
            ("+878101234567890", Global, None),
        ];
        for (text, kind, country) in cases {
            let number = number(text);
            assert_eq!(number.line(), kind, "{text}");
            let expected = country.map(str::to_owned).ok_or(TextRule::Kind);
            assert_eq!(number.text_country(), expected, "{text}");
        }
    }

    /// Complete over the library's numbering plans: its own examples of every type and country.
    #[test]
    fn no_example_of_a_costly_line_takes_texts() {
        let mut seen = 0;
        for code in 1..1000 {
            for plan in DATABASE.by_code(&code).unwrap_or_default() {
                let plan = plan.descriptors();
                for descriptor in [
                    plan.premium_rate(),
                    plan.shared_cost(),
                    plan.personal_number(),
                    plan.pager(),
                    plan.uan(),
                    plan.voip(),
                    plan.toll_free(),
                    plan.voicemail(),
                ] {
                    let example = descriptor.and_then(Descriptor::example);
                    let Some(example) = example else { continue };
                    let Ok(number) = PhoneNumber::parse(&format!("+{code}{example}"), None) else {
                        continue;
                    };
                    assert_eq!(
                        number.text_country(),
                        Err(TextRule::Kind),
                        "+{code}{example}"
                    );
                    seen += 1;
                }
            }
        }
        assert!(seen > 300, "{seen}");
    }

    #[test]
    fn examples_of_mobile_phones_take_texts_nearly_everywhere() {
        let (mut taken, mut refused) = (0, Vec::new());
        for code in 1..1000 {
            for plan in DATABASE.by_code(&code).unwrap_or_default() {
                let Some(example) = plan.descriptors().mobile().and_then(Descriptor::example)
                else {
                    continue;
                };
                let text = format!("+{code}{example}");
                match PhoneNumber::parse(&text, None).map(|number| number.text_country()) {
                    Ok(Ok(_)) => taken += 1,
                    _ if is_country(plan.id()) => refused.push(text),
                    _ => {}
                }
            }
        }
        assert!(
            taken > 200 && refused.len() < 10,
            "{taken}, not {refused:?}"
        );
    }

    #[test]
    fn neighbours_are_in_one_range() {
        assert_eq!(number("+37477123456").range(), "+3747712");
        assert_eq!(
            number("+37477120000").range(),
            number("+37477129999").range()
        );
        assert_ne!(
            number("+37477123456").range(),
            number("+37477133456").range()
        );
    }

    proptest! {
        #[test]
        fn no_number_breaks_the_look_at_its_line(digits in "[1-9][0-9]{6,14}") {
            if let Ok(number) = PhoneNumber::parse(&format!("+{digits}"), None) {
                prop_assert!(number.as_str().starts_with(number.range()));
                if let Ok(country) = number.text_country() {
                    prop_assert!(is_country(&country));
                }
            }
        }
    }
}
