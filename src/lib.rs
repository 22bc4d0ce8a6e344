pub mod mime;
pub mod model;
pub mod openpgp;
pub mod pipeline;
pub mod triage;
