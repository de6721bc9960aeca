#![doc = include_str!("../README.md")]

mod bitbucket;
pub mod body;
mod fields;
mod forgejo;
mod gitea;
mod github;
mod gitlab;
pub mod headers;
pub mod identity;
mod parts;
pub mod provider;
pub mod push;
pub mod signature;
mod signed;
mod standard;
