//! Which addresses of a person can be used, and which were confirmed.

use super::person::Reader;
use super::values::is_set;
use super::{Cell, Field, Reason, Resolution};
use crate::domain::email::EmailAddress;
use crate::domain::phone::PhoneNumber;

impl<'a> Reader<'a> {
    pub(super) fn email(
        &mut self,
        resolution: &Resolution,
    ) -> Result<Option<EmailAddress>, Reason> {
        if resolution.drop_email {
            return Ok(None);
        }
        let written = match &resolution.email {
            Some(email) => Some(email.as_str()),
            None => self
                .strict(Field::Email)?
                .or_else(|| self.primary_address()),
        };
        match written.map(EmailAddress::parse) {
            Some(Ok(email)) => Ok(Some(email)),
            Some(Err(_)) => {
                self.note("email", Reason::EmailInvalid);
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// The primary address among those of allauth.
    fn primary_address(&self) -> Option<&'a str> {
        let table = self.rules.mapping.email.as_ref()?;
        let mut emails = self.row.emails.iter();
        let primary = emails.find(|cells| is_set(cells, &table.primary))?;
        primary.get(&table.address).and_then(Cell::text)
    }

    /// Whether allauth knows this address as confirmed; `None` if it does not know it. Other addresses
    /// are noted.
    pub(super) fn confirmed(&mut self, email: &EmailAddress) -> Option<bool> {
        let table = self.rules.mapping.email.as_ref()?;
        let mut confirmed = None;
        for cells in &self.row.emails {
            let address = cells.get(&table.address).and_then(Cell::text);
            let same = address.and_then(|address| EmailAddress::parse(address).ok());
            if same.is_some_and(|same| same == *email) {
                let is_verified = is_set(cells, &table.verified);
                confirmed = Some(confirmed.unwrap_or(false) || is_verified);
            } else {
                self.note("email", Reason::SecondAddress);
            }
        }
        confirmed
    }

    /// The first number that exists.
    pub(super) fn phone(&mut self, resolution: &Resolution) -> Option<PhoneNumber> {
        if resolution.drop_phone {
            return None;
        }
        let region = self.rules.phone_region;
        if let Some(phone) = &resolution.phone {
            return PhoneNumber::parse(phone, region).ok();
        }
        let mut seen = None;
        for cell in self.cells(Field::Phone) {
            match cell.text().map(|text| PhoneNumber::parse(text, region)) {
                Some(Ok(phone)) => return Some(phone),
                Some(Err(_)) => seen = seen.or(Some(Reason::PhoneInvalid)),
                None => seen = seen.or(Some(Reason::TextBroken)),
            }
        }
        if let Some(reason) = seen {
            self.note("phone", reason);
        }
        None
    }
}
