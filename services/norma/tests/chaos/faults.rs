//! What can fail.

use std::fmt;
use std::time::Duration;

use norma_domain::Stage;

use crate::site::{Service, Site};

/// A worker that stands still this long is replaced by nobody; its messages wait.
const FROZEN: Duration = Duration::from_secs(20);
const FULL: Duration = Duration::from_secs(30);
const DOWN: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    KillGateway,
    KillWorker(Stage),
    KillDatabase,
    KillBroker,
    FreezeGateway,
    FreezeWorker(Stage),
    FreezeDatabase,
    FreezeBroker,
    /// Present connections fall silent without a reset; new ones reach the server.
    FailOverDatabase,
    FailOverBroker,
    FillObjects,
    FillDatabase,
    /// Of an installation that keeps its objects in S3.
    KillS3,
    FreezeS3,
    FailOverS3,
    FillS3,
}

impl Fault {
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::KillGateway];
        all.extend(Stage::ALL.map(Self::KillWorker));
        all.extend([Self::KillDatabase, Self::KillBroker, Self::FreezeGateway]);
        all.extend(Stage::ALL.map(Self::FreezeWorker));
        all.extend([
            Self::FreezeDatabase,
            Self::FreezeBroker,
            Self::FailOverDatabase,
            Self::FailOverBroker,
            Self::FillObjects,
            Self::FillDatabase,
            Self::KillS3,
            Self::FreezeS3,
            Self::FailOverS3,
            Self::FillS3,
        ]);
        all
    }

    pub(crate) fn wants_s3(self) -> bool {
        matches!(
            self,
            Self::KillS3 | Self::FreezeS3 | Self::FailOverS3 | Self::FillS3
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::KillGateway => "kill-gateway".to_owned(),
            Self::KillWorker(stage) => format!("kill-{stage}"),
            Self::KillDatabase => "kill-postgresql".to_owned(),
            Self::KillBroker => "kill-rabbitmq".to_owned(),
            Self::FreezeGateway => "freeze-gateway".to_owned(),
            Self::FreezeWorker(stage) => format!("freeze-{stage}"),
            Self::FreezeDatabase => "freeze-postgresql".to_owned(),
            Self::FreezeBroker => "freeze-rabbitmq".to_owned(),
            Self::FailOverDatabase => "fail-over-postgresql".to_owned(),
            Self::FailOverBroker => "fail-over-rabbitmq".to_owned(),
            Self::FillObjects => "fill-objects".to_owned(),
            Self::FillDatabase => "fill-postgresql".to_owned(),
            Self::KillS3 => "kill-s3".to_owned(),
            Self::FreezeS3 => "freeze-s3".to_owned(),
            Self::FailOverS3 => "fail-over-s3".to_owned(),
            Self::FillS3 => "fill-s3".to_owned(),
        };
        formatter.pad(&name)
    }
}

impl Site {
    /// Whether the fault can be made here.
    pub(crate) fn can(&self, fault: Fault) -> bool {
        match fault {
            Fault::FillObjects | Fault::FillDatabase | Fault::FillS3 => self.disks.is_some(),
            _ => true,
        }
    }

    /// Lets it happen, and mends it as an operator or a machine would.
    pub(crate) async fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::KillGateway => self.kill_and_replace(Service::Gateway).await,
            Fault::KillWorker(stage) => self.kill_and_replace(Service::Worker(stage)).await,
            Fault::KillDatabase => {
                self.postgresql.kill();
                tokio::time::sleep(DOWN).await;
                tokio::task::block_in_place(|| self.postgresql.start_again()).unwrap();
            }
            Fault::KillBroker => {
                self.broker.kill();
                tokio::time::sleep(DOWN).await;
                tokio::task::block_in_place(|| self.broker.start_again()).unwrap();
            }
            Fault::FreezeGateway => self.freeze(Service::Gateway).await,
            Fault::FreezeWorker(stage) => self.freeze(Service::Worker(stage)).await,
            Fault::FreezeDatabase => {
                self.postgresql.freeze();
                tokio::time::sleep(FROZEN).await;
                self.postgresql.thaw();
            }
            Fault::FreezeBroker => {
                self.broker.freeze();
                tokio::time::sleep(FROZEN).await;
                self.broker.thaw();
            }
            Fault::FailOverDatabase => self.database_line.fail_over(),
            Fault::FailOverBroker => self.broker_line.fail_over(),
            Fault::KillS3 => {
                let s3 = self.s3();
                s3.kill();
                tokio::time::sleep(DOWN).await;
                tokio::task::block_in_place(|| s3.start_again()).unwrap();
            }
            Fault::FreezeS3 => {
                self.s3().freeze();
                tokio::time::sleep(FROZEN).await;
                self.s3().thaw();
            }
            Fault::FailOverS3 => self.s3_line.as_ref().unwrap().fail_over(),
            Fault::FillObjects => {
                let disk = &self.disks.as_ref().unwrap().objects;
                disk.fill().unwrap();
                tokio::time::sleep(FULL).await;
                disk.make_room().unwrap();
            }
            Fault::FillS3 => {
                self.disks.as_ref().unwrap().objects.fill().unwrap();
                tokio::time::sleep(FULL).await;
                self.disks.as_ref().unwrap().objects.make_room().unwrap();
                // SeaweedFS refuses writes until an operator starts it again, however much room there is.
                let s3 = self.s3();
                s3.kill();
                tokio::task::block_in_place(|| s3.start_again()).unwrap();
            }
            Fault::FillDatabase => {
                self.disks.as_ref().unwrap().database.fill().unwrap();
                tokio::time::sleep(FULL).await;
                self.disks.as_ref().unwrap().database.make_room().unwrap();
                if !self.postgresql.is_running() {
                    self.postgresql.kill();
                    tokio::task::block_in_place(|| self.postgresql.start_again()).unwrap();
                }
            }
        }
    }

    async fn kill_and_replace(&mut self, service: Service) {
        self.kill(service);
        tokio::time::sleep(DOWN).await;
        self.start_service(service);
    }

    async fn freeze(&self, service: Service) {
        self.process(service).freeze();
        tokio::time::sleep(FROZEN).await;
        self.process(service).thaw();
    }
}
