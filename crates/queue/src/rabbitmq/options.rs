use std::fmt;
use std::time::Duration;

/// How to reach and use a broker.
#[derive(Clone)]
pub struct RabbitMqOptions {
    /// `amqp://user:password@host:port/vhost`, or `amqps://`. Holds a password: never printed.
    pub url: String,
    /// First word of every name on the broker.
    pub prefix: String,
    /// Value of `x-delivery-limit`: a message is delivered at most once more than this.
    pub delivery_limit: u32,
    /// Time until a publish gives up, reconnections included.
    pub publish_timeout: Duration,
    /// A silent connection is given up after two of these. <https://www.rabbitmq.com/docs/heartbeats>
    pub heartbeat: Duration,
    /// Longest pause between two attempts to connect.
    pub reconnect_max: Duration,
    /// Shown in the broker's management page, e.g. `norma anomaly`.
    pub connection_name: String,
}

impl RabbitMqOptions {
    /// The defaults of `config/base.yaml`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: "norma".to_owned(),
            delivery_limit: 5,
            publish_timeout: Duration::from_secs(30),
            heartbeat: Duration::from_secs(10),
            reconnect_max: Duration::from_secs(5),
            connection_name: "norma".to_owned(),
        }
    }
}

impl fmt::Debug for RabbitMqOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RabbitMqOptions")
            .field("url", &"[redacted]")
            .field("prefix", &self.prefix)
            .field("delivery_limit", &self.delivery_limit)
            .field("publish_timeout", &self.publish_timeout)
            .field("heartbeat", &self.heartbeat)
            .field("reconnect_max", &self.reconnect_max)
            .field("connection_name", &self.connection_name)
            .finish()
    }
}
