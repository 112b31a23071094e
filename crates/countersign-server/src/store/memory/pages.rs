//! How does a part of many rows become a page?

use countersign_proto::management::Page;

/// The first rows, at most `limit`, and where those after them begin.
pub(super) fn page<'a, T: Clone + 'a>(
    mut rows: impl Iterator<Item = &'a T>,
    limit: u32,
    cursor: impl Fn(&T) -> String,
) -> Page<T> {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let items: Vec<T> = rows.by_ref().take(wanted).cloned().collect();
    let next = match (rows.next(), items.last()) {
        (Some(_), Some(last)) => Some(cursor(last)),
        _ => None,
    };
    Page { items, next }
}
