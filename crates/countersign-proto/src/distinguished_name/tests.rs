//! Which names are the same, and which only look so?
