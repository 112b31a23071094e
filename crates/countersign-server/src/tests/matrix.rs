//! May each role do exactly what the reference says, by whatever kind of token, and no token more?

mod table;

mod holders;

mod roles;

mod reader;

mod widths;
