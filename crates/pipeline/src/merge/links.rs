use norma_domain::{MapLink, ScanId, StageOutcome};

/// Where the gateway serves the stored maps.
pub(super) fn map_links(scan_id: ScanId, outcomes: &[StageOutcome]) -> Vec<MapLink> {
    let mut links: Vec<MapLink> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            StageOutcome::Completed(result) if result.has_map => Some(MapLink {
                stage: result.stage,
                href: format!("/api/scans/{scan_id}/heatmaps/{}/{{n}}", result.stage),
            }),
            StageOutcome::Completed(_) | StageOutcome::Failed(_) => None,
        })
        .collect();
    links.sort_by_key(|link| link.stage);
    links
}
