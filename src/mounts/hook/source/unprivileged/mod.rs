//! What reads texts that others have written. It runs in processes without any of root's rights (`child.rs`), and nothing that
//! it says is believed for its own sake (`request.rs`, `mount.rs`, `views.rs`).
pub mod formats;
pub mod owner;
pub mod reader;
