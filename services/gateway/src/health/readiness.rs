//! Whether requests can be served.

use norma_service::Context;

use crate::health::schema::{DependencyHealth, Readiness};

/// Every dependency, asked at once. What is wrong goes into the log.
pub(crate) async fn readiness(context: &Context) -> Readiness {
    let dependencies: Vec<DependencyHealth> = context
        .check_dependencies()
        .await
        .into_iter()
        .map(|dependency| {
            if let Some(problem) = dependency.problem {
                tracing::warn!(dependency = dependency.name, problem, "not ready");
            }
            DependencyHealth {
                name: dependency.name,
                ready: dependency.ready,
            }
        })
        .collect();
    Readiness {
        ready: dependencies.iter().all(|dependency| dependency.ready),
        dependencies,
    }
}
