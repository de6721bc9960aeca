#![doc = include_str!("../README.md")]

mod audit;
pub mod build;
mod claims;
mod desk;
mod followers;
mod forget;
pub mod git;
mod known;
mod lab_blobs;
mod lab_content;
mod lab_record;
pub mod limits;
mod preserve;
mod publish;
mod record;
pub mod run;
pub mod snapshot;
mod trouble;
mod unchecked;
mod work;
