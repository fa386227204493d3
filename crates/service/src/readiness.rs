//! Whether a process can do its work now, dependency by dependency.

use std::error::Error;
use std::time::Duration;

use serde::Serialize;

use crate::Context;

/// A check that takes longer counts as failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(3);

/// The state of one thing that the process needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dependency {
    /// `database`, `queue`, `objects`, or `models of <stage>`.
    pub name: String,
    pub ready: bool,
    /// Why it is not ready.
    pub problem: Option<String>,
}

impl Context {
    /// Database, queue and objects, asked now, and what the services said of themselves.
    pub async fn check_dependencies(&self) -> Vec<Dependency> {
        let mut dependencies = self.check_infrastructure().await;
        dependencies.extend(
            self.problems
                .list()
                .into_iter()
                .map(|(name, problem)| Dependency {
                    name,
                    ready: problem.is_none(),
                    problem,
                }),
        );
        dependencies
    }

    pub(crate) async fn check_infrastructure(&self) -> Vec<Dependency> {
        let (database, queue, objects) = tokio::join!(
            check("database", self.database.ping()),
            check("queue", self.queue.check()),
            check("objects", self.objects.check()),
        );
        vec![database, queue, objects]
    }

    /// Notes the state of something that a service needs besides, e.g. its models; None: it is ready.
    pub fn report_dependency(&self, name: &str, problem: Option<String>) {
        self.problems.set(name, problem);
    }
}

async fn check<E: Error>(name: &str, asking: impl Future<Output = Result<(), E>>) -> Dependency {
    let problem = match tokio::time::timeout(CHECK_TIMEOUT, asking).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())),
    };
    Dependency {
        name: name.to_owned(),
        ready: problem.is_none(),
        problem,
    }
}
