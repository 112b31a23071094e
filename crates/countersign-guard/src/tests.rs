//! Is a good token believed, and everything else refused for its reason?

mod asking;
mod blocking;
mod bound;
mod hostile;
mod keys;
mod layers;
mod opaque;
mod refusals;
mod rotation;
mod secrets;
mod settings;
mod several;
mod signed;
mod unknown_keys;
mod vouched;
mod waiting;
