//! Which library does the arithmetic? The one file that names it.
