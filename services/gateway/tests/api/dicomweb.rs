//! DICOMweb: what is searched and retrieved is what was uploaded, and nobody sees what is not theirs.

use norma_domain::Role;
use norma_phantom::{PhantomOptions, PhantomPatient, PhantomSeries, TransferSyntax, phantom_zip};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::app::{App, client, form, make_key, problem, spawn_app};
use crate::dicom_results::{answered_phantom, put_masks};
use crate::worker::Says;

const EXPLICIT: &str = "1.2.840.10008.1.2.1";

/// A phantom's archive, its files apart, and its UIDs.
struct Phantom {
    archive: Vec<u8>,
    files: Vec<Vec<u8>>,
    series: PhantomSeries,
}

fn phantom(options: &PhantomOptions) -> Phantom {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("phantom.zip");
    let series = phantom_zip(options, &file).unwrap();
    norma_phantom::write_phantom_series(options, &folder.path().join("files")).unwrap();
    let mut names: Vec<_> = std::fs::read_dir(folder.path().join("files"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    Phantom {
        archive: std::fs::read(&file).unwrap(),
        files: names.iter().map(|name| std::fs::read(name).unwrap()).collect(),
        series,
    }
}

fn few_slices() -> PhantomOptions {
    PhantomOptions {
        slices: 4,
        size: 64,
        ..PhantomOptions::small()
    }
}

async fn get(app: &App, path: &str, accept: &str) -> Response {
    app.request(Method::GET, &format!("/dicom-web{path}"))
        .header("accept", accept)
        .send()
        .await
        .unwrap()
}

async fn json(app: &App, path: &str) -> Vec<Value> {
    let response = get(app, path, "application/dicom+json").await;
    if response.status() == StatusCode::NO_CONTENT {
        return Vec::new();
    }
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    assert_eq!(response.headers()["content-type"], "application/dicom+json");
    response.json().await.unwrap()
}

fn value<'a>(document: &'a Value, tag: &str) -> &'a Value {
    &document[tag]["Value"][0]
}

/// The parts of a multipart answer: media type and bytes of each.
async fn parts(response: Response) -> Vec<(String, Vec<u8>)> {
    assert_eq!(response.status(), StatusCode::OK);
    let media_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(media_type.starts_with("multipart/related; type="), "{media_type}");
    let boundary = media_type.split("boundary=").nth(1).unwrap();
    let body = response.bytes().await.unwrap();
    let delimiter = format!("\r\n--{boundary}");
    let find = |from: usize, what: &[u8]| {
        body[from..]
            .windows(what.len())
            .position(|window| window == what)
            .map(|at| from + at)
    };
    let mut parts = Vec::new();
    let mut at = find(0, delimiter.as_bytes()).unwrap();
    loop {
        let head = at + delimiter.len();
        if body[head..].starts_with(b"--") {
            return parts;
        }
        let content = find(head, b"\r\n\r\n").unwrap() + 4;
        let headers = String::from_utf8(body[head..content].to_vec()).unwrap();
        let of_type = headers
            .lines()
            .find_map(|line| line.strip_prefix("Content-Type: "))
            .unwrap()
            .to_owned();
        let end = find(content, delimiter.as_bytes()).unwrap();
        parts.push((of_type, body[content..end].to_vec()));
        at = end;
    }
}

#[tokio::test]
async fn an_upload_is_found_and_given_back_as_it_came() {
    let app = spawn_app().await;
    let phantom = phantom(&PhantomOptions {
        patient: PhantomPatient {
            name: "Petrova^Anna".to_owned(),
            id: Some("7-42".to_owned()),
            ..PhantomPatient::default()
        },
        ..few_slices()
    });
    assert!(json(&app, "/studies").await.is_empty());
    app.upload(&phantom.archive).await;
    let study = phantom.series.study_instance_uid.as_str();
    let series = phantom.series.series_instance_uid.as_str();

    let studies = json(&app, "/studies").await;
    assert_eq!(studies.len(), 1);
    assert_eq!(value(&studies[0], "0020000D"), study);
    assert_eq!(value(&studies[0], "00100010")["Alphabetic"], "Petrova^Anna");
    assert_eq!(value(&studies[0], "00080061"), "CT");
    assert_eq!(value(&studies[0], "00201206"), 1);
    assert_eq!(value(&studies[0], "00201208"), 4);
    assert_eq!(
        value(&studies[0], "00081190").as_str().unwrap(),
        format!("{}/dicom-web/studies/{study}", app.base)
    );
    for (query, found) in [
        ("PatientName=PETROVA*", 1),
        ("PatientName=petr%3Fva%5Eanna", 1),
        ("00100010=Ivanov*", 0),
        ("PatientID=7-42", 1),
        ("PatientID=7", 0),
        ("PatientID=7*&ModalitiesInStudy=CT", 1),
        ("ModalitiesInStudy=MR", 0),
        ("ModalitiesInStudy=MR%2CCT", 1),
        ("ModalitiesInStudy=MR%5CCT", 1),
        ("ModalitiesInStudy=MR,C*", 1),
        ("ModalitiesInStudy=MR,PT", 0),
        ("PatientID=1%5C7-42", 1),
        ("PatientID=1%5C7*", 1),
        ("PatientID=1,7-42", 0),
        ("PatientName=Ivanov*%5CPetrova*", 1),
        ("StudyDate=19000101,20200101-20991231", 1),
        ("StudyDate=19000101,19000102", 0),
        ("StudyTime=00-23", 1),
        ("StudyDate=19000101-20991231", 1),
        ("StudyDate=20990101-", 0),
        (&format!("StudyInstanceUID={study}&limit=1"), 1),
        ("StudyInstanceUID=1.2.3", 0),
        ("offset=1", 0),
        (
            "limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060",
            1,
        ),
        ("AccessionNumber=&includefield=all", 1),
    ] {
        assert_eq!(
            json(&app, &format!("/studies?{query}")).await.len(),
            found,
            "{query}"
        );
    }
    let fuzzy = get(&app, "/studies?fuzzymatching=true", "*/*").await;
    assert!(fuzzy.headers()["warning"].to_str().unwrap().starts_with("299 "));
    for (query, code) in [
        ("Rows=3", "invalid_parameter"),
        ("limit=x", "invalid_parameter"),
        ("limit=0", "invalid_parameter"),
        ("offset=4294967296", "invalid_parameter"),
        ("PatientID=%5C", "invalid_parameter"),
    ] {
        let refused = get(&app, &format!("/studies?{query}"), "*/*").await;
        problem(refused, StatusCode::BAD_REQUEST, code).await;
    }

    let found = json(&app, &format!("/studies/{study}/series")).await;
    assert_eq!((found.len(), value(&found[0], "0020000E")), (1, &series.into()));
    assert_eq!(value(&found[0], "00201209"), 4);
    assert_eq!(json(&app, "/series?Modality=CT").await.len(), 1);
    for (query, count) in [
        ("Modality=SR,CT", 1),
        ("Modality=SR%5CCT", 1),
        ("Modality=SR,SEG", 0),
        ("ModalitiesInStudy=MR", 0),
        ("ModalitiesInStudy=MR,CT", 1),
    ] {
        for path in ["/series".to_owned(), format!("/studies/{study}/series")] {
            let found = json(&app, &format!("{path}?{query}")).await;
            assert_eq!(found.len(), count, "{path} {query}");
        }
    }
    let refused = get(&app, "/studies", "*/*, application/*; q=0, multipart/*; q=0").await;
    problem(refused, StatusCode::NOT_ACCEPTABLE, "not_acceptable").await;
    assert_eq!(
        json(&app, &format!("/studies/{study}/series?Modality=SR"))
            .await
            .len(),
        0
    );
    let path = format!("/studies/{study}/series/{series}");
    let instances = json(&app, &format!("{path}/instances")).await;
    let uids: Vec<&str> = instances
        .iter()
        .map(|found| value(found, "00080018").as_str().unwrap())
        .collect();
    assert_eq!(uids.len(), 4);
    assert_eq!(value(&instances[0], "00280010"), 64);
    let one = json(&app, "/instances?InstanceNumber=2&includefield=KVP").await;
    assert_eq!(one.len(), 1);
    assert!(one[0].get("0020000E").is_some() && one[0].get("00100020").is_some());

    // Every file, whole.
    let given = parts(
        get(
            &app,
            &path,
            "multipart/related; type=\"application/dicom\"; transfer-syntax=*",
        )
        .await,
    )
    .await;
    assert_eq!(given.len(), 4);
    for file in &phantom.files {
        assert!(
            given.iter().any(|(_, bytes)| bytes == file),
            "a file came back changed"
        );
    }
    assert!(given[0].0.ends_with(EXPLICIT), "{}", given[0].0);
    let instance = format!("{path}/instances/{}", uids[0]);
    let single = get(&app, &instance, "application/dicom").await;
    assert_eq!(single.headers()["content-type"], "application/dicom");
    assert!(phantom.files.contains(&single.bytes().await.unwrap().to_vec()));
    let jpeg = "multipart/related; type=\"application/dicom\"; transfer-syntax=1.2.840.10008.1.2.4.50";
    problem(
        get(&app, &instance, jpeg).await,
        StatusCode::NOT_ACCEPTABLE,
        "not_acceptable",
    )
    .await;

    let metadata = json(&app, &format!("/studies/{study}/metadata")).await;
    assert_eq!(metadata.len(), 4);
    let uri = metadata[0]["7FE00010"]["BulkDataURI"].as_str().unwrap();
    let bulk = app
        .client
        .get(uri)
        .header("accept", "application/octet-stream")
        .send()
        .await
        .unwrap();
    let pixels = bulk.bytes().await.unwrap();
    assert_eq!(pixels.len(), 64 * 64 * 2);
    let frames = get(
        &app,
        &format!("{instance}/frames/1"),
        "multipart/related; type=application/octet-stream; transfer-syntax=*",
    )
    .await;
    let frames = parts(frames).await;
    assert_eq!((frames.len(), &frames[0].1[..]), (1, &pixels[..]));

    for (path, side) in [
        ("/rendered?window=40,400,linear", 64),
        ("/rendered?window=40,400,linear-exact", 64),
        ("/rendered?window=40,400,sigmoid&quality=50", 64),
        ("/frames/1/rendered", 64),
        ("/thumbnail?viewport=16,16", 16),
    ] {
        let picture = get(&app, &format!("{instance}{path}"), "image/png").await;
        assert_eq!(picture.headers()["content-type"], "image/png");
        let picture = picture.bytes().await.unwrap();
        assert_eq!(&picture[1..4], b"PNG", "{path}");
        assert_eq!(
            u32::from_be_bytes(picture[16..20].try_into().unwrap()),
            side,
            "{path}"
        );
    }
    let jpeg = get(&app, &format!("/studies/{study}/thumbnail"), "*/*").await;
    assert_eq!(jpeg.headers()["content-type"], "image/jpeg");
    for missing in ["/frames/2", "/bulkdata/00091010", "/../1.2.3/metadata"] {
        let status = get(&app, &format!("{instance}{missing}"), "*/*").await.status();
        assert_eq!(status, StatusCode::NOT_FOUND, "{missing}");
    }
    for invalid in [
        "/frames/0",
        "/rendered?window=40,400,cubic",
        "/rendered?quality=0",
        "/rendered?quality=101",
    ] {
        let refused = get(&app, &format!("{instance}{invalid}"), "*/*").await;
        problem(refused, StatusCode::BAD_REQUEST, "invalid_parameter").await;
    }
    // What a client likes best comes first, wherever it stands.
    let liked = "application/dicom+json; q=0.2, multipart/related; type=\"application/dicom+xml\"; q=0.8";
    let answer = get(&app, "/studies", liked).await;
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(
        kind.starts_with("multipart/related; type=\"application/dicom+xml\""),
        "{kind}"
    );
}

#[tokio::test]
async fn frames_of_every_transfer_syntax_are_those_of_the_plain_one() {
    let app = spawn_app().await;
    let mut plain: Vec<Vec<u8>> = Vec::new();
    for transfer_syntax in TransferSyntax::ALL {
        let phantom = phantom(&PhantomOptions {
            transfer_syntax,
            ..few_slices()
        });
        app.upload(&phantom.archive).await;
        let path = format!(
            "/studies/{}/series/{}/instances",
            phantom.series.study_instance_uid.as_str(),
            phantom.series.series_instance_uid.as_str()
        );
        let mut frames = Vec::new();
        for uid in &phantom.series.sop_instance_uids {
            let answer = get(&app, &format!("{path}/{}/frames/1", uid.as_str()), "*/*").await;
            frames.push(parts(answer).await.remove(0).1);
        }
        if plain.is_empty() {
            plain = frames;
        } else {
            assert!(frames == plain, "{transfer_syntax:?}");
        }
        // The next one has the same UIDs.
        let scans = app.get_json("/api/scans").await;
        for scan in scans["items"].as_array().unwrap() {
            app.delete(&format!("/api/scans/{}", scan["id"].as_str().unwrap()))
                .await;
        }
        assert!(json(&app, "/studies").await.is_empty());
        assert!(
            app.objects.list().await.unwrap().is_empty(),
            "an index outlived its scan"
        );
    }
}

#[tokio::test]
async fn a_single_file_without_its_head_and_one_in_an_inner_archive_are_given_as_files() {
    let app = spawn_app().await;
    let phantom = phantom(&few_slices());
    let headless = phantom.files[0][132..].to_vec();
    app.upload(&headless).await;
    let path = format!("/studies/{}", phantom.series.study_instance_uid.as_str());
    let given = parts(get(&app, &path, "*/*").await).await;
    assert_eq!(given.len(), 1);
    assert_eq!(given[0].1, phantom.files[0]);

    let mut outer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    outer
        .start_file("inner.zip", zip::write::SimpleFileOptions::default())
        .unwrap();
    std::io::Write::write_all(&mut outer, &phantom.archive).unwrap();
    app.upload(&outer.finish().unwrap().into_inner()).await;
    // Both scans hold the first slice: it is one instance.
    let given = parts(get(&app, &path, "*/*").await).await;
    assert_eq!(given.len(), 4);
    for file in &phantom.files {
        assert!(given.iter().any(|(_, bytes)| bytes == file));
    }
}

#[tokio::test]
async fn the_answer_to_an_analysis_is_part_of_its_study() {
    let app = spawn_app().await;
    let (_, analysis_id) = answered_phantom(&app, Says::Pathology(0.9)).await;
    put_masks(&app, analysis_id).await;
    let study = json(&app, "/studies").await;
    let study = value(&study[0], "0020000D").as_str().unwrap();
    let series = json(&app, &format!("/studies/{study}/series")).await;
    let modalities: Vec<&str> = series
        .iter()
        .map(|series| value(series, "00080060").as_str().unwrap())
        .collect();
    assert_eq!(modalities, ["CT", "SR", "OT", "SEG", "KO", "OT"]);
    let of = |index: usize| {
        format!(
            "/studies/{study}/series/{}",
            value(&series[index], "0020000E").as_str().unwrap()
        )
    };
    let report = json(&app, &format!("{}/metadata", of(1))).await;
    assert!(report[0].get("0040A730").is_some(), "the report has its content");
    let pictures = json(&app, &format!("{}/instances", of(2))).await;
    let picture = format!(
        "{}/instances/{}",
        of(2),
        value(&pictures[0], "00080018").as_str().unwrap()
    );
    let drawn = get(&app, &format!("{picture}/rendered"), "image/jpeg").await;
    assert_eq!(drawn.status(), StatusCode::OK);
    let given = parts(get(&app, &of(1), "*/*").await).await;
    assert_eq!(&given[0].1[128..132], b"DICM");
    let report = format!(
        "{}/instances/{}/rendered",
        of(1),
        value(&report[0], "00080018").as_str().unwrap()
    );
    problem(
        get(&app, &report, "*/*").await,
        StatusCode::NOT_ACCEPTABLE,
        "not_acceptable",
    )
    .await;
}

#[tokio::test]
async fn others_studies_do_not_exist_and_what_has_no_instances_is_not_found() {
    let app = spawn_app().await;
    let phantom = phantom(&few_slices());
    app.upload(&phantom.archive).await;
    app.upload(b"no study at all").await;
    assert_eq!(json(&app, "/studies").await.len(), 1);
    let study = format!("/studies/{}", phantom.series.study_instance_uid.as_str());
    let key = make_key(&app.database, "pacs", &[Role::Integrator], |_| {}).await;
    let pacs = client(Some(&key));
    let ask = async |path: &str| {
        pacs.get(format!("{}/dicom-web{path}", app.base))
            .send()
            .await
            .unwrap()
    };
    assert_eq!(ask("/studies").await.status(), StatusCode::NO_CONTENT);
    for path in ["", "/metadata", "/series", "/thumbnail"] {
        let answer = ask(&format!("{study}{path}")).await;
        problem(answer, StatusCode::NOT_FOUND, "dicom_object_not_found").await;
    }
    let upload = pacs
        .post(format!("{}/api/scans", app.base))
        .multipart(form("own.zip", &phantom.archive));
    assert_eq!(upload.send().await.unwrap().status(), StatusCode::CREATED);
    assert_eq!(ask("/studies").await.status(), StatusCode::OK);
    assert_eq!(ask(&format!("{study}/metadata")).await.status(), StatusCode::OK);

    let nobody = app
        .nobody
        .get(format!("{}/dicom-web/studies", app.base))
        .send()
        .await
        .unwrap();
    problem(nobody, StatusCode::UNAUTHORIZED, "not_authenticated").await;
    let operator = make_key(&app.database, "operator", &[Role::Operator], |_| {}).await;
    let operator = client(Some(&operator))
        .get(format!("{}/dicom-web{study}", app.base))
        .send()
        .await
        .unwrap();
    problem(operator, StatusCode::FORBIDDEN, "forbidden").await;
    // Looks at a study are told once in a while, with the study.
    let trail = app
        .get_json("/api/audit?action=dicomweb.retrieve&limit=100")
        .await;
    let told: Vec<&Value> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["outcome"] == "success")
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0]["scan_id"].is_string());
}
