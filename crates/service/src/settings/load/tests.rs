//! Settings from their layers.

use std::fs;

use super::*;

fn with_environment(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let variables = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Settings::from_layers(None, Environment::with_prefix("NORMA").source(Some(variables)))
}

#[test]
fn the_file_and_the_struct_name_the_same_settings() {
    // Unknown fields are refused and no field has a default, so reading it is the proof.
    let settings = Settings::base();
    assert_eq!(settings.queue.kind, QueueKind::InProcess);
    assert!(settings.gateway.address.is_loopback());
    assert!(settings.admin.address.is_loopback());
    assert!(settings.queue.rabbitmq.url.is_none());
}

#[test]
fn a_setting_missing_in_the_file_is_an_error() {
    let leaves: Vec<_> = BASE_SETTINGS
        .lines()
        .filter(|line| !line.trim_start().starts_with('#') && line.contains(": "))
        .collect();
    assert!(leaves.len() > 50);
    for leaf in leaves {
        let without: Vec<_> = BASE_SETTINGS.lines().filter(|line| *line != leaf).collect();
        let read = Config::builder()
            .add_source(File::from_str(&without.join("\n"), FileFormat::Yaml))
            .build()
            .and_then(Config::try_deserialize::<Settings>);
        // Two sections have a line of this text: only one of a kind proves anything.
        let is_unique = BASE_SETTINGS.lines().filter(|line| *line == leaf).count() == 1;
        assert!(read.is_err() || !is_unique, "{leaf} is not needed");
    }
}

#[test]
fn every_setting_has_a_comment() {
    let mut is_explained = false;
    for line in BASE_SETTINGS.lines() {
        let text = line.trim_start();
        if text.starts_with('#') {
            is_explained = true;
        } else if text.is_empty() || text.ends_with(':') {
            // A comment above a group speaks for its members.
            is_explained &= text.ends_with(':');
        } else {
            assert!(is_explained, "{line} has no comment above it in its group");
        }
    }
}

#[test]
fn environment_beats_file_beats_default() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.yaml");
    fs::write(&file, "gateway:\n  port: 9000\noutbox:\n  batch: 7\n").unwrap();
    let environment = Environment::with_prefix("NORMA").source(Some(
        [("NORMA__GATEWAY__PORT".to_owned(), "9100".to_owned())].into(),
    ));
    let settings = Settings::from_layers(Some(&file), environment).unwrap();
    assert_eq!(settings.gateway.port, 9100);
    assert_eq!(settings.outbox.batch, 7);
    assert_eq!(settings.outbox.keep_hours, Settings::base().outbox.keep_hours);
}

#[test]
fn the_environment_reads_every_kind_of_value() {
    let settings = with_environment(&[
        ("NORMA__QUEUE__KIND", "rabbitmq"),
        ("NORMA__QUEUE__RABBITMQ__URL", "amqp://norma:00123@broker/%2f"),
        ("NORMA__OBJECTS__S3__SECRET_ACCESS_KEY", "00123"),
        ("NORMA__MODELS__CUDA", "off"),
        (
            "NORMA__GATEWAY__CORS_ORIGINS",
            "https://a.example, https://b.example",
        ),
        ("NORMA__TELEMETRY__SAMPLE_RATIO", "0.5"),
        ("NORMA__MODELS__ONNXRUNTIME", ""),
        ("NORMA__WORKERS__CONCURRENCY__REPORT", "2"),
        ("NORMA__IDENTITY__AUTHENTICATION", "off"),
        ("NORMA__IDENTITY__OPENID__ROLE_VALUES__INTEGRATOR", "pacs, ris"),
    ])
    .unwrap();
    assert_eq!(settings.queue.kind, QueueKind::RabbitMq);
    assert_eq!(
        settings.gateway.cors_origins,
        ["https://a.example", "https://b.example"]
    );
    let key = settings.objects.s3.secret_access_key.as_ref().unwrap();
    assert_eq!(key.expose_secret(), "00123");
    assert_eq!(settings.models.cuda, crate::CudaSetting::Off);
    assert!(settings.models.onnxruntime.is_none());
    assert_eq!(settings.workers.concurrency.of(Stage::Report), 2);
    assert_eq!(settings.identity.authentication, crate::Authentication::Off);
    assert_eq!(settings.identity.openid.role_values.integrator, ["pacs", "ris"]);
}

#[test]
fn what_cannot_work_is_refused() {
    for (name, value) in [
        ("NORMA__QUEUE__KIND", "rabbitmq"),
        ("NORMA__QUEUE__KIND", "kafka"),
        ("NORMA__GATEWAY__PROT", "80"),
        ("NORMA__GATEWAY__PORT", "eighty"),
        ("NORMA__TELEMETRY__SAMPLE_RATIO", "2"),
        ("NORMA__WORKERS__CONCURRENCY__ANOMALY", "0"),
        ("NORMA__ANALYSIS__RELEASED_AHEAD", "0"),
        ("NORMA__ANALYSIS__URGENT_ROLES", "clinician, root"),
        ("NORMA__IDENTITY__AUTHENTICATION", "maybe"),
        ("NORMA__IDENTITY__CONFIRMED_KEY_ROLES", "clinician, root"),
        ("NORMA__IDENTITY__SECOND_FACTOR__REQUIRED_FOR", "root"),
        ("NORMA__IDENTITY__OPENID__ISSUER", "https://issuer.example"),
        ("NORMA__GATEWAY__PUBLIC_URL", "norma.example"),
        ("NORMA__GATEWAY__TRUSTED_PROXIES", "proxy.example"),
    ] {
        assert!(with_environment(&[(name, value)]).is_err(), "{name}={value}");
    }
}

#[test]
fn destinations_are_read_and_checked() {
    let whole = [
        ("NORMA__PACS__DESTINATIONS__ARCHIVE__AE_TITLE", "ARCHIVE"),
        ("NORMA__PACS__DESTINATIONS__ARCHIVE__HOST", "10.0.0.7"),
        ("NORMA__PACS__DESTINATIONS__ARCHIVE__PORT", "104"),
    ];
    let settings = with_environment(&whole).unwrap();
    let archive = &settings.pacs.destinations["archive"];
    assert_eq!(archive.port, 104);
    assert!(archive.objects.is_empty(), "all");
    let some = (
        "NORMA__PACS__DESTINATIONS__ARCHIVE__OBJECTS",
        "key_objects, segmentation, parametric_map",
    );
    let settings = with_environment(&[&whole[..], &[some]].concat()).unwrap();
    assert_eq!(
        settings.pacs.destinations["archive"].objects,
        [
            crate::DeliveredObjects::KeyObjects,
            crate::DeliveredObjects::Segmentation,
            crate::DeliveredObjects::ParametricMap
        ]
    );
    assert_eq!(archive.studies, crate::DeliveredStudies::Received);
    assert!(!archive.tls);
    for left_out in 0..whole.len() {
        let mut less = whole.to_vec();
        let (name, _) = less.remove(left_out);
        let problem = with_environment(&less).unwrap_err().to_string();
        let word = name.rsplit("__").next().unwrap().to_lowercase();
        assert!(problem.contains("pacs.destinations.archive"), "{problem}");
        assert!(problem.contains(&word), "{problem}");
    }
    for (name, value) in [
        ("NORMA__PACS__DESTINATIONS__ARCHIVE__HOST", "10.0.0.7:104"),
        ("NORMA__PACS__DESTINATIONS__ARCHIVE__PORT", "70000"),
        ("NORMA__PACS__DESTINATIONS__ARCHIVE__OBJECTS", "pictures"),
        ("NORMA__PACS__DESTINATIONS__ARCHIVE__PORTS", "104"),
        (
            "NORMA__PACS__DESTINATIONS__ARCHIVE__URL",
            "https://pacs.example/dicom-web",
        ),
        ("NORMA__PACS__DESTINATIONS__ARCHIVE__AUTHORIZATION", "Bearer x"),
        ("NORMA__PACS__DESTINATIONS__WEB__URL", "pacs.example/dicom-web"),
        (
            "NORMA__PACS__DESTINATIONS__WEB__URL",
            "https://me:secret@pacs.example",
        ),
        ("NORMA__PACS__DESTINATIONS__ARCHIVE__TLS_CA", "ca.pem"),
        ("NORMA__PACS__DESTINATIONS__ARCHIVE__KIND", "hl7"),
        ("NORMA__PACS__DESTINATIONS__ARCHIVE__KIND", "webhook"),
        ("NORMA__PACS__DESTINATIONS__ARCHIVE__KIND", "post"),
        (
            "NORMA__PACS__DESTINATIONS__ARCHIVE__SECRET",
            "of a webhook, which this is not",
        ),
        (
            "NORMA__PACS__DESTINATIONS__ARCHIVE__HL7__RECEIVING_APPLICATION",
            "RIS",
        ),
        ("NORMA__PACS__DESTINATIONS__FEED__KIND", "fhir"),
        ("NORMA__PACS__TLS__KEY", "key.pem"),
        ("NORMA__PACS__TLS__CLIENT_CA", "ca.pem"),
        ("NORMA__PACS__GIVE_UP_HOURS", "0"),
        ("NORMA__DEIDENTIFICATION__UPLOADS", "true"),
    ] {
        let mut more = whole.to_vec();
        more.retain(|(known, _)| *known != name);
        more.push((name, value));
        assert!(with_environment(&more).is_err(), "{name}={value}");
    }
}

#[test]
fn peers_of_storage_commitment_are_read_and_checked() {
    let whole = [
        ("NORMA__PACS__STORAGE_COMMITMENT__CT__AE_TITLE", "CT1"),
        ("NORMA__PACS__STORAGE_COMMITMENT__CT__HOST", "10.0.0.7"),
        ("NORMA__PACS__STORAGE_COMMITMENT__CT__PORT", "104"),
    ];
    let other = [
        ("NORMA__PACS__STORAGE_COMMITMENT__PACS__AE_TITLE", "ARCHIVE"),
        ("NORMA__PACS__STORAGE_COMMITMENT__PACS__HOST", "10.0.0.8"),
        ("NORMA__PACS__STORAGE_COMMITMENT__PACS__PORT", "104"),
    ];
    assert!(with_environment(&[]).unwrap().pacs.storage_commitment.is_empty());
    let both = [whole, other].concat();
    let settings = with_environment(&both).unwrap();
    assert_eq!(settings.pacs.storage_commitment["ct"].port, 104);
    assert_eq!(settings.pacs.storage_commitment.len(), 2);
    for left_out in 0..whole.len() {
        let mut less = whole.to_vec();
        let (name, _) = less.remove(left_out);
        let problem = with_environment(&less).unwrap_err().to_string();
        let word = name.rsplit("__").next().unwrap().to_lowercase();
        assert!(problem.contains("pacs.storage_commitment.ct"), "{problem}");
        assert!(problem.contains(&word), "{problem}");
    }
    for (name, value) in [
        ("NORMA__PACS__STORAGE_COMMITMENT__CT__HOST", "10.0.0.7:104"),
        ("NORMA__PACS__STORAGE_COMMITMENT__CT__PORTS", "104"),
        ("NORMA__PACS__STORAGE_COMMITMENT__CT__TLS_CA", "ca.pem"),
        // Who asks is told at one address.
        ("NORMA__PACS__STORAGE_COMMITMENT__PACS__AE_TITLE", "CT1"),
    ] {
        let mut more = both.clone();
        more.retain(|(known, _)| *known != name);
        more.push((name, value));
        assert!(with_environment(&more).is_err(), "{name}={value}");
    }
}

#[test]
fn destinations_of_every_kind_are_read() {
    let settings = with_environment(&[
        ("NORMA__PACS__DESTINATIONS__RIS__KIND", "hl7"),
        ("NORMA__PACS__DESTINATIONS__RIS__HOST", "ris.example"),
        ("NORMA__PACS__DESTINATIONS__RIS__PORT", "2575"),
        ("NORMA__PACS__DESTINATIONS__RIS__TLS", "true"),
        (
            "NORMA__PACS__DESTINATIONS__RIS__HL7__RECEIVING_APPLICATION",
            "RIS",
        ),
        (
            "NORMA__PACS__DESTINATIONS__RIS__HL7__ACCESSION_NUMBER",
            "placer_field_1",
        ),
        ("NORMA__PACS__DESTINATIONS__RECORD__KIND", "fhir"),
        (
            "NORMA__PACS__DESTINATIONS__RECORD__URL",
            "https://fhir.example/r4",
        ),
        ("NORMA__PACS__DESTINATIONS__HOOK__KIND", "webhook"),
        (
            "NORMA__PACS__DESTINATIONS__HOOK__URL",
            "https://hook.example/norma",
        ),
        (
            "NORMA__PACS__DESTINATIONS__HOOK__SECRET",
            "a secret of 24 characters",
        ),
    ])
    .unwrap();
    let ris = &settings.pacs.destinations["ris"];
    assert_eq!(ris.kind, crate::DestinationKind::Hl7);
    assert_eq!(ris.hl7.receiving_application, "RIS");
    assert_eq!(ris.hl7.sending_application, "NORMA");
    assert_eq!(
        ris.hl7.accession_number,
        crate::AccessionNumberField::PlacerField1
    );
    assert!(!format!("{settings:?}").contains("a secret of"));
    let short = with_environment(&[
        ("NORMA__PACS__DESTINATIONS__HOOK__KIND", "webhook"),
        (
            "NORMA__PACS__DESTINATIONS__HOOK__URL",
            "https://hook.example/norma",
        ),
        ("NORMA__PACS__DESTINATIONS__HOOK__SECRET", "short"),
    ]);
    assert!(short.unwrap_err().to_string().contains("secret"));
}

#[test]
fn secrets_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    fs::write(&file, "postgresql://norma:from-a-file@db/norma\n").unwrap();
    let name = "NORMA__DATABASE__URL";
    let of = |pairs: &[(String, String)]| read_secret_files(pairs.iter().cloned());
    let pair = (format!("{name}_FILE"), file.display().to_string());
    let variables = of(std::slice::from_ref(&pair)).unwrap();
    let environment = Environment::with_prefix("NORMA").source(Some(variables));
    let settings = Settings::from_layers(None, environment).unwrap();
    assert_eq!(
        settings.database.url.expose_secret(),
        "postgresql://norma:from-a-file@db/norma"
    );
    assert!(!format!("{settings:?}").contains("from-a-file"));
    assert!(matches!(
        of(&[pair, (name.to_owned(), "x".to_owned())]),
        Err(SettingsError::GivenTwice { .. })
    ));
    let missing = (
        format!("{name}_FILE"),
        folder.path().join("none").display().to_string(),
    );
    assert!(matches!(of(&[missing]), Err(SettingsError::SecretFile { .. })));
}

#[test]
fn a_setting_that_names_a_file_is_no_secret_to_be_read() {
    let pair = (
        "NORMA__AUDIT__SYSLOG__CA_FILE".to_owned(),
        "/etc/ssl/syslog-ca.pem".to_owned(),
    );
    let variables = read_secret_files([pair].into_iter()).unwrap();
    let environment = Environment::with_prefix("NORMA").source(Some(variables));
    let settings = Settings::from_layers(None, environment).unwrap();
    assert_eq!(
        settings.audit.syslog.ca_file.as_deref(),
        Some(Path::new("/etc/ssl/syslog-ca.pem"))
    );
}

#[test]
fn secrets_are_not_printed() {
    let settings = with_environment(&[
        ("NORMA__DATABASE__URL", "postgresql://norma:hidden-1@db/norma"),
        ("NORMA__QUEUE__RABBITMQ__URL", "amqp://norma:hidden-2@broker"),
        ("NORMA__OBJECTS__S3__SECRET_ACCESS_KEY", "hidden-3"),
        ("NORMA__IDENTITY__OPENID__CLIENT_SECRET", "hidden-4"),
        ("NORMA__DEIDENTIFICATION__KEY", "hidden-5-of-16-characters"),
        (
            "NORMA__PACS__DESTINATIONS__WEB__URL",
            "https://pacs.example/dicom-web",
        ),
        ("NORMA__PACS__DESTINATIONS__WEB__AUTHORIZATION", "Bearer hidden-6"),
    ])
    .unwrap();
    assert!(!format!("{settings:?}").contains("hidden"));
}

#[test]
fn sources_are_read_and_checked() {
    let whole = [
        ("NORMA__PACS__ENABLED", "true"),
        ("NORMA__PACS__SOURCES__ARCHIVE__AE_TITLE", "ARCHIVE"),
        ("NORMA__PACS__SOURCES__ARCHIVE__HOST", "10.0.0.7"),
        ("NORMA__PACS__SOURCES__ARCHIVE__PORT", "104"),
        ("NORMA__PACS__PRIORS__SOURCE", "archive"),
    ];
    let base = with_environment(&[]).unwrap();
    assert!(base.pacs.sources.is_empty() && base.pacs.priors.source.is_none());
    let settings = with_environment(&whole).unwrap();
    assert_eq!(
        settings.pacs.sources["archive"].retrieve,
        crate::RetrieveMethod::Move
    );
    for left_out in 0..4 {
        let mut less = whole.to_vec();
        less.remove(left_out);
        let problem = with_environment(&less).unwrap_err().to_string();
        assert!(problem.contains("pacs.sources.archive"), "{problem}");
    }
    for (name, value) in [
        ("NORMA__PACS__SOURCES__ARCHIVE__HOST", "10.0.0.7:104"),
        ("NORMA__PACS__SOURCES__ARCHIVE__TLS_CA", "ca.pem"),
        ("NORMA__PACS__SOURCES__ARCHIVE__RETRIEVE", "fetch"),
        ("NORMA__PACS__PRIORS__SOURCE", "other"),
        ("NORMA__PACS__PRIORS__STUDIES", "0"),
        ("NORMA__PACS__PRIORS__STUDIES", "21"),
        ("NORMA__PACS__PRIORS__MODALITY", ""),
    ] {
        let mut more = whole.to_vec();
        more.retain(|(known, _)| *known != name);
        more.push((name, value));
        assert!(with_environment(&more).is_err(), "{name}={value}");
    }
}

#[test]
fn routing_rules_are_read_in_their_order_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.yaml");
    let read = |rules: &str| {
        let destinations = "pacs: { destinations: { archive: { ae_title: A, host: h, port: 104 } } }";
        fs::write(&path, format!("{destinations}\nrouting:\n  rules:\n{rules}")).unwrap();
        let nothing = Environment::with_prefix("NORMA").source(Some(Default::default()));
        Settings::from_layers(Some(&path), nothing)
    };
    let settings = read(
        "    - { name: head, when: { body_part: [HEAD, '*SPINE*'] }, analyze: false }\n    - { name: trauma, when: { calling: 'CT1, CT2', prior: true }, priority: urgent, destinations: [archive] }\n",
    )
    .unwrap();
    let [head, trauma] = settings.routing.rules.as_slice() else {
        panic!("{:?}", settings.routing)
    };
    assert!(!head.analyze && head.destinations.is_none() && !head.when.prior);
    assert_eq!(head.when.body_part, ["HEAD", "*SPINE*"]);
    assert!(trauma.analyze && trauma.when.prior);
    assert_eq!(trauma.when.calling, ["CT1", "CT2"]);
    assert!(trauma.when.is_for(crate::RoutingWay::CStore) && !trauma.when.is_for(crate::RoutingWay::StowRs));
    let ways = "    - { name: web, when: { came_by: 'stow_rs, upload' }, destinations: [] }\n";
    let settings = read(ways).unwrap();
    let when = &settings.routing.rules[0].when;
    assert!(when.is_for(crate::RoutingWay::Upload) && !when.is_for(crate::RoutingWay::CStore));
    assert_eq!(trauma.priority, Some(crate::RoutingPriority::Urgent));
    for wrong in [
        "{ name: '' }",
        "{ when: { modality: CT } }",
        "{ name: a, when: { modalities: CT } }",
        "{ name: a, destinations: [ris] }",
        "{ name: a, analyze: false, priority: routine }",
        "{ name: a, analyze: false, destinations: [] }",
        "{ name: a, priority: high }",
        "{ name: a, when: { came_by: fax } }",
        "{ name: a, when: { came_by: 'stow_rs, upload' }, analyze: false }",
    ] {
        assert!(read(&format!("    - {wrong}\n")).is_err(), "{wrong}");
    }
    assert!(
        read("    - { name: a }\n    - { name: a }\n").is_err(),
        "two of one name"
    );
}

/// A date that is too far away is no date: adding it to now would end the process.
#[test]
fn no_duration_is_longer_than_a_hundred_years() {
    let mut groups: Vec<(usize, &str)> = Vec::new();
    let mut durations = 0;
    for line in BASE_SETTINGS
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        let Some((key, value)) = line.trim_start().split_once(':') else {
            continue;
        };
        let depth = line.len() - line.trim_start().len();
        groups.retain(|(of, _)| *of < depth);
        groups.push((depth, key));
        let path: Vec<_> = groups.iter().map(|(_, key)| *key).collect();
        let is_duration = path
            .iter()
            .any(|key| ["seconds", "minutes", "hours", "days"].contains(&key.rsplit('_').next().unwrap()));
        if !is_duration || value.trim().is_empty() {
            continue;
        }
        let variable = format!("NORMA__{}", path.join("__").to_uppercase());
        let refused = with_environment(&[(&variable, "4294967295")]).unwrap_err();
        let expected = format!("the setting {} is at most a hundred years", path.join("."));
        assert_eq!(refused.to_string(), expected);
        durations += 1;
    }
    assert!(durations > 40, "{durations}");
}
