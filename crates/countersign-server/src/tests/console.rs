//! Does the console let in whom it should, and do what the management API does and nothing else?

mod desk;

mod sign_in;

mod provider;

mod session;

mod elsewhere;

mod forms;

mod at_api;

mod pages;

mod tokens;

mod once;

mod nouns;

mod placed;

mod keys;
