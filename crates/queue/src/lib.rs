#![doc = include_str!("../README.md")]

mod delivery;
mod error;
mod in_process;
mod port;
mod rabbitmq;
mod topology;

pub use delivery::{DeadLetterCause, DeadLetterOrigin, Delivery};
pub use error::QueueError;
pub use in_process::InProcessQueue;
pub use port::{Consumer, Queue};
pub use rabbitmq::{RabbitMqOptions, RabbitMqQueue};
pub use topology::subscribers;
