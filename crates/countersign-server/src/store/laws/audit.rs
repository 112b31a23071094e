//! Is the audit read as it was written?

use std::sync::Arc;

use super::audit;
use crate::store::Store;

pub(in crate::store) async fn the_audit_is_read_in_pages_newest_first(store: Arc<dyn Store>) {
    let nothing = store.audit(None, 3).await.unwrap();
    assert_eq!((nothing.items.len(), nothing.next), (0, None));
    for _ in 0..7 {
        store.append_audit(audit("token.issue")).await.unwrap();
    }
    let mut after = None;
    let mut pages = Vec::new();
    loop {
        let page = store.audit(after, 3).await.unwrap();
        pages.push(
            page.items
                .iter()
                .map(|entry| entry.sequence)
                .collect::<Vec<_>>(),
        );
        match page.next {
            Some(next) => after = Some(next.parse().unwrap()),
            None => break,
        }
    }
    assert_eq!(pages, [vec![7, 6, 5], vec![4, 3, 2], vec![1]]);
}
