//! The SDK behind [`super::Engine`].
