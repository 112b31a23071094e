//! Which part of which list is asked for?

use axum::{
    extract::{FromRequestParts, Query},
    http::{StatusCode, Uri, request::Parts},
    response::Response,
};
use countersign_proto::management::Page;
use serde::{Deserialize, de::DeserializeOwned};
use url::form_urlencoded;

use crate::http::error;

const DEFAULT: usize = 100;
const MAX: usize = 500;

/// `?limit=1..500&after=CURSOR`.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct PageQuery {
    pub(in crate::http) limit: usize,
    pub(in crate::http) after: Option<String>,
}

/// A page of what a filter lets through. A member that neither knows is refused: who writes
/// `?stat=revoked` must not take the whole list for what he asked for.
#[derive(Debug)]
pub(super) struct ListQuery<F> {
    pub(super) page: PageQuery,
    pub(super) filter: F,
}

impl<F: DeserializeOwned, S: Sync> FromRequestParts<S> for ListQuery<F> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<ListQuery<F>, Response> {
        read(&parts.uri).map_err(|detail| error::problem(StatusCode::UNPROCESSABLE_ENTITY, detail))
    }
}

/// A page of a list that nothing narrows.
impl<S: Sync> FromRequestParts<S> for PageQuery {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<PageQuery, Response> {
        let asked = ListQuery::<Whole>::from_request_parts(parts, state).await;
        asked.map(|asked| asked.page)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {}

fn read<F: DeserializeOwned>(uri: &Uri) -> Result<ListQuery<F>, String> {
    let (mut limit, mut after) = (None, None);
    let mut rest = form_urlencoded::Serializer::new("/?".to_owned());
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let place = match &*name {
            "limit" => &mut limit,
            "after" => &mut after,
            _ => {
                rest.append_pair(&name, &value);
                continue;
            }
        };
        if place.replace(value.into_owned()).is_some() {
            return Err(format!("the query: {name} is there twice"));
        }
    }
    let limit = limit
        .map_or(Ok(DEFAULT), |limit| limit.parse())
        .ok()
        .filter(|limit| (1..=MAX).contains(limit))
        .ok_or_else(|| format!("limit has to be 1 to {MAX}"))?;
    let rest: Uri = rest
        .finish()
        .parse()
        .map_err(|_| "the query cannot be read".to_owned())?;
    let Query(filter) = Query::try_from_uri(&rest).map_err(|refused| {
        let text = refused.body_text();
        let what = text.rsplit("query string: ").next().unwrap_or_default();
        format!("the query: {what}; limit and after are known too")
    })?;
    let after = after.filter(|after| !after.is_empty());
    Ok(ListQuery {
        page: PageQuery { limit, after },
        filter,
    })
}

impl PageQuery {
    /// The limit as the store takes it.
    pub(super) fn rows(&self) -> u32 {
        u32::try_from(self.limit).unwrap_or(u32::MAX)
    }

    /// The page of a list that is sorted by `key`, as `show` shows its items.
    pub(in crate::http) fn of<T, U>(
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
    use countersign_proto::management::{AuditFilter, PrincipalFilter};

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

    fn asked<F: DeserializeOwned>(query: &str) -> Result<ListQuery<F>, String> {
        read(&format!("/api?{query}").parse().unwrap())
    }

    #[test]
    fn a_query_is_a_page_and_a_filter() {
        let query = "after=x%26y&name=a+b&limit=7&enabled=false";
        let read = asked::<PrincipalFilter>(query).unwrap();
        let (limit, after) = (7, Some("x&y".to_owned()));
        assert_eq!(read.page, PageQuery { limit, after });
        assert_eq!(read.filter.name.as_deref(), Some("a b"));
        assert_eq!((read.filter.role, read.filter.enabled), (None, Some(false)));
        let nothing = asked::<PrincipalFilter>("after=").unwrap();
        let (limit, after) = (DEFAULT, None);
        assert_eq!(nothing.page, PageQuery { limit, after });
        assert_eq!(nothing.filter, PrincipalFilter::default());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        for (query, named) in [
            ("nme=a", "`nme`"),
            ("limit=0", "limit"),
            ("limit=501", "limit"),
            ("limit=-1", "limit"),
            ("limit=", "limit"),
            ("limit=1&limit=2", "limit"),
            ("after=a&after=b", "after"),
            ("from=yesterday", "from"),
            ("from=1&from=2", "from"),
            ("outcome=good", "outcome"),
        ] {
            let detail = asked::<AuditFilter>(query).unwrap_err();
            assert!(detail.contains(named), "{query}: {detail}");
        }
    }
}
