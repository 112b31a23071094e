//! Where in a form does a refusal belong?

use axum::{http::StatusCode, response::Response};

use super::{Visitor, refused};
use crate::{registry::RegistryError, service::ChangeRefusal};

/// What is wrong with what was typed, by field.
#[derive(Clone, Debug, Default)]
pub(super) struct Problems {
    field: Option<&'static str>,
    text: Option<String>,
    status: StatusCode,
}

impl Problems {
    /// Nothing.
    pub(super) fn none() -> Problems {
        Problems::default()
    }

    /// What is wrong with one field.
    pub(super) fn at_field(field: &'static str, text: &str) -> Problems {
        Problems {
            field: Some(field),
            text: Some(text.to_owned()),
            status: StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// Why the service refuses, at the field that it is about, by what the service calls it and where
    /// that is typed; else over the form.
    ///
    /// # Errors
    /// What is not about what was typed has a page of its own.
    pub(super) fn of(
        visitor: &Visitor,
        refusal: &ChangeRefusal,
        fields: &[(&str, &'static str)],
    ) -> Result<Problems, Response> {
        let place = |what: &str| {
            let found = fields.iter().find(|(name, _)| *name == what);
            found.map(|(_, field)| *field)
        };
        let (field, text, status) = match refusal {
            ChangeRefusal::Fault(_) | ChangeRefusal::Access(_) => {
                return Err(refused::answer(visitor, refusal));
            }
            ChangeRefusal::Registry(RegistryError::Invalid { what, problem }) => (
                place(what),
                match place(what) {
                    Some(_) => refused::sentence(problem.clone()),
                    None => refused::told(refusal),
                },
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            ChangeRefusal::Registry(RegistryError::NotFound { what, .. }) => match place(what) {
                Some(field) => (
                    Some(field),
                    refused::told(refusal),
                    StatusCode::UNPROCESSABLE_ENTITY,
                ),
                None => return Err(refused::answer(visitor, refusal)),
            },
            ChangeRefusal::Registry(RegistryError::Exists { what, .. }) => {
                (place(what), refused::told(refusal), StatusCode::CONFLICT)
            }
            _ => (None, refused::told(refusal), refused::status(refusal)),
        };
        Ok(Problems {
            field,
            text: Some(text),
            status,
        })
    }

    /// That of a field.
    pub(super) fn at(&self, field: &str) -> Option<&str> {
        self.text.as_deref().filter(|_| self.field == Some(field))
    }

    /// That of none.
    pub(super) fn of_no_field(&self) -> Option<String> {
        self.text.clone().filter(|_| self.field.is_none())
    }

    /// Of the page that shows them.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}
