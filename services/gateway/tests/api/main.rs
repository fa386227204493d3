//! The gateway over real HTTP: SQLite, the in-process queue and a folder, no worker. What workers leave behind is
//! written by the database's and the pipeline's own functions.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test that fails is a test that fails"
)]

mod analyses;
mod app;
mod at_one_moment;
mod attack;
mod audit;
mod authenticator;
mod connections;
mod deliveries;
mod dicom_results;
mod dicomweb;
mod dicomweb_store;
mod encryption;
mod events;
mod feedback;
mod finished;
mod floods;
mod four_eyes;
mod head;
mod identity;
mod issuer;
mod limits;
mod native_model;
mod openid;
mod other_content;
mod page;
mod passkey_ends;
mod passkeys;
mod patients;
mod personal_data;
mod pixels;
mod preambles;
mod predict;
mod problems;
mod pulls;
mod reference_client;
mod repetition;
mod roles;
mod room;
mod scans;
mod second_factor;
mod service;
mod sessions;
mod shadow;
mod sign_in_attacks;
mod site;
mod studies;
mod tls;
mod turns;
mod unread;
mod verification;
mod whose;
mod worker;
mod workitem_attacks;
mod workitem_events;
mod workitems;
