//! Which part of a list is asked for?

use axum::{
    extract::{FromRequestParts, Query},
    http::{StatusCode, request::Parts},
    response::Response,
};
use countersign_proto::management::Page;
use serde::Deserialize;

use crate::http::error;

const DEFAULT: usize = 100;
const MAX: usize = 500;

/// `?limit=1..500&after=CURSOR`.
#[derive(Debug)]
pub(super) struct PageQuery {
    pub(super) limit: usize,
    pub(super) after: Option<String>,
}

#[derive(Deserialize)]
struct Asked {
    limit: Option<usize>,
    after: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for PageQuery {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<PageQuery, Response> {
        let refused = || {
            let detail = format!("limit has to be 1 to {MAX}");
            error::problem(StatusCode::UNPROCESSABLE_ENTITY, detail)
        };
        let Query(asked) = Query::<Asked>::try_from_uri(&parts.uri).map_err(|_| refused())?;
        let limit = asked.limit.unwrap_or(DEFAULT);
        if !(1..=MAX).contains(&limit) {
            return Err(refused());
        }
        Ok(PageQuery {
            limit,
            after: asked.after.filter(|after| !after.is_empty()),
        })
    }
}

impl PageQuery {
    /// The page of a list that is sorted by `key`, as `show` shows its items.
    pub(super) fn of<T, U>(
        &self,
        sorted: &[T],
        key: impl Fn(&T) -> &str,
        show: impl Fn(&T) -> U,
    ) -> Page<U> {
        let start = match &self.after {
            Some(after) => sorted.partition_point(|item| key(item) <= after.as_str()),
            None => 0,
        };
        let rest = sorted.get(start..).unwrap_or_default();
        let items = rest.get(..self.limit).unwrap_or(rest);
        let next = (items.len() < rest.len()).then(|| items.last().map(|it| key(it).to_owned()));
        Page {
            items: items.iter().map(show).collect(),
            next: next.flatten(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_and_the_last_one_says_so() {
        let all = ["a", "b", "c", "d", "e"];
        let mut after = None;
        let mut pages = Vec::new();
        loop {
            let page = PageQuery { limit: 2, after }.of(&all, |it| it, |it| (*it).to_owned());
            pages.push(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(pages, [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
    }
}
