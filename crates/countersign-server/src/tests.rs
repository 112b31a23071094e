//! Does the platform keep its promises, asked through its router with a clock turned by hand?

mod world;

mod token_endpoint;
