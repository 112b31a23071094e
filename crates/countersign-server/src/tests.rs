//! Does the platform keep its promises, asked through its router with a clock turned by hand?

mod clock;

mod world;

mod recorder;

mod terminal;

mod token_endpoint;

mod assertions;

mod replay;

mod restored;

mod keys;

mod kinds;

mod certificates;

mod scopes;

mod introspection;

mod revocation;

mod passwords;

mod forwarding;

mod people;

mod binding;

mod refresh;

mod interactive;

mod management;

mod escalation;

mod sessions;

mod documents;

mod lists;

mod openapi;

mod token_scene;

mod tokens;

mod trusted;

mod limits;

mod ends;

mod events;

mod first_start;

mod sockets;

mod login;

mod console;

mod granted;

mod matrix;

mod walk;
