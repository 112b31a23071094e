//! Is a good token believed, and everything else refused for its reason?

mod refusals;
mod signed;
