//! Does this part do what it says?
