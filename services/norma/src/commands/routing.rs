//! What the rules for studies that come would do.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use norma_database::StudyRoute;
use norma_gateway::{Route, Rules, StudyFacts};
use norma_service::{RoutingPriority, RoutingWay};

use super::blocking::block_on;
use super::installation::open;
use super::terminal::{EXIT_PARTIAL, answer, tell};
use crate::command_line::CheckRouting;

pub(crate) fn check(config: Option<&Path>, arguments: &CheckRouting) -> anyhow::Result<ExitCode> {
    block_on(async {
        let (database, settings) = open(config, &arguments.installation).await?;
        let rules = Rules::of(&settings.routing);
        let studies = database.latest_study_routes(arguments.last).await?;
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let (mut others, mut unreadable) = (0, 0);
        for (noted, at) in &studies {
            // What another version wrote is not known here.
            let Ok(facts) = serde_json::from_str::<StudyFacts>(&noted.facts) else {
                unreadable += 1;
                continue;
            };
            let route = rules.decide(&facts);
            let is_same = (&route.rule, &route.destinations) == (&noted.rule, &noted.destinations);
            others += usize::from(!is_same);
            answer(&line_of((noted, *at, facts.came_by), &route, is_same));
            *counts.entry(name_of(route.rule.as_deref())).or_default() += 1;
        }
        for rule in settings.routing.rules {
            counts.entry(name_of(Some(&rule.name))).or_default();
        }
        for (name, count) in &counts {
            tell(&format!("{count:>6}  {name}"));
        }
        tell(&format!(
            "{} studies, {others} decided by another rule before",
            studies.len() - unreadable
        ));
        if unreadable > 0 {
            tell(&format!(
                "{unreadable} more were noted by another version and cannot be read"
            ));
        }
        Ok(match others + unreadable {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::from(EXIT_PARTIAL),
        })
    })
}

fn name_of(rule: Option<&str>) -> String {
    rule.map_or_else(|| "(no rule)".to_owned(), |name| format!("rule {name}"))
}

fn line_of(
    (noted, at, came_by): (&StudyRoute, DateTime<Utc>, RoutingWay),
    route: &Route,
    is_same: bool,
) -> String {
    let mut line = format!(
        "{}  scan {}  {:<7}  {}",
        at.format("%F %R"),
        noted.scan_id,
        if route.analyze { "analyse" } else { "keep" },
        name_of(route.rule.as_deref())
    );
    if let Some(point) = &route.operating_point {
        line.push_str(&format!("  at {point}"));
    }
    match route.priority {
        Some(RoutingPriority::Routine) => line.push_str("  routine"),
        Some(RoutingPriority::Urgent) => line.push_str("  urgent"),
        None => {}
    }
    if let Some(destinations) = &route.destinations {
        let names: Vec<&str> = destinations.iter().map(String::as_str).collect();
        line.push_str(&format!(
            "  to {}",
            if names.is_empty() {
                "nobody".to_owned()
            } else {
                names.join(", ")
            }
        ));
    }
    if came_by != RoutingWay::CStore {
        line.push_str(&format!("  came by {}", came_by.as_str()));
    }
    if !is_same {
        line.push_str(&format!("  (was: {})", name_of(noted.rule.as_deref())));
    }
    line
}
