// The plain page: uploads a study, waits for its report by server-sent events, shows it. Every text goes in by
// textContent: nothing that came from a file is ever read as HTML.
"use strict";

const element = (id) => document.getElementById(id);
let shown = null; // the scan whose answer is asked for or shown

const say = (text) => { element("state").textContent = text; };

async function ask(path, options) {
  const response = await fetch(path, options);
  const body = response.status === 204 ? null : await response.json();
  if (!response.ok) {
    const error = new Error(body.reason ? body.reason.message : body.detail);
    error.problem = body;
    throw error;
  }
  return body;
}

function fill(list, lines) {
  list.replaceChildren(...(lines.length ? lines : ["none"]).map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  }));
}

function percent(probability) {
  return probability === null || probability === undefined ? "" : `${(probability * 100).toFixed(1)} %`;
}

async function showScan(scanId) {
  shown = scanId;
  element("answer").hidden = true;
  try {
    const report = await ask(`/api/scans/${scanId}/report`);
    if (shown === scanId) { showReport(report); }
  } catch (error) {
    if (shown !== scanId) { return; }
    if (error.problem && error.problem.code === "analysis_running") {
      say(`In progress: ${error.problem.analysis.status}`);
    } else {
      say(`No answer: ${error.message}`);
    }
  }
}

function showReport(report) {
  say("");
  element("verdict").textContent = report.verdict.toUpperCase();
  const facts = [
    ["Probability of pathology", percent(report.probability_of_pathology) || "none"],
    ["Operating point", `${report.operating_point.name}, threshold ${percent(report.operating_point.threshold)}`],
    ["Models", `${report.bundle.name} ${report.bundle.version}`],
    ...report.reasons.map((reason) => ["Why undetermined", reason.message]),
  ];
  element("facts").replaceChildren(...facts.flatMap(([name, value]) => {
    const term = document.createElement("dt");
    const description = document.createElement("dd");
    term.textContent = name;
    description.textContent = value;
    return [term, description];
  }));
  fill(element("findings"), report.findings.filter((finding) => finding.present)
    .map((finding) => `${finding.name_en}: ${percent(finding.probability)}`));
  fill(element("quality"), report.quality.filter((check) => !check.passed).map((check) => check.message));
  element("report").href = `/api/analyses/${report.analysis_id}/report`;
  showSlices(report);
  element("answer").hidden = false;
}

function showSlices(report) {
  const position = element("position");
  const slices = report.study ? report.study.geometry.shape[0] : 0;
  element("picture").hidden = slices === 0;
  if (slices === 0) { return; }
  position.max = String(slices - 1);
  const key = report.key_slices.length ? report.key_slices[0].slice : Math.floor(slices / 2);
  const hasMap = report.maps.some((map) => map.stage === "anomaly");
  const base = `/api/scans/${report.scan_id}`;
  const show = () => {
    const slice = position.value;
    element("number").textContent = `${Number(slice) + 1} of ${slices}`;
    element("slice").src = `${base}/slices/${slice}.png?window=lung&analysis_id=${report.analysis_id}`;
    element("map").hidden = !hasMap;
    if (hasMap) {
      element("map").src = `${base}/heatmaps/anomaly/${slice}.png?analysis_id=${report.analysis_id}`;
    }
  };
  position.value = String(key);
  position.oninput = show;
  show();
}

async function showStudies() {
  const page = await ask("/api/studies?limit=20&order=newest");
  element("studies").replaceChildren(...page.items.map((study) => {
    const row = document.createElement("tr");
    const cells = [
      new Date(study.uploaded_at).toLocaleString(),
      study.status || "not analysed",
      study.verdict || (study.failure ? study.failure.message : ""),
      percent(study.probability_of_pathology),
    ];
    row.append(...cells.map((text) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      return cell;
    }));
    row.addEventListener("click", () => showScan(study.scan_id));
    return row;
  }));
}

async function upload(event) {
  event.preventDefault();
  element("answer").hidden = true;
  shown = null;
  say("Uploading…");
  try {
    const form = new FormData();
    form.append("file", element("file").files[0]);
    const scan = await ask("/api/scans", { method: "POST", body: form });
    shown = scan.id;
    const operatingPoint = encodeURIComponent(element("operating-point").value);
    await ask(`/api/scans/${scan.id}/analyze?operating_point=${operatingPoint}`, { method: "POST", headers: { Prefer: "respond-async" } });
    say("In progress");
    await showStudies();
  } catch (error) {
    say(`Refused: ${error.message}`);
  }
}

async function showOperatingPoints() {
  const bundle = await ask("/api/bundle");
  element("operating-point").replaceChildren(...bundle.operating_points.map((point) => {
    const option = document.createElement("option");
    option.value = point.name;
    option.textContent = `${point.name} (threshold ${percent(point.threshold)})`;
    option.selected = point.name === bundle.default_operating_point;
    return option;
  }));
}

element("upload").addEventListener("submit", upload);
const events = new EventSource("/api/events");
events.addEventListener("analysis", (message) => {
  const event = JSON.parse(message.data);
  showStudies().catch((error) => say(error.message));
  if (event.scan_id !== shown) { return; }
  if (event.status === "completed" || event.status === "failed") {
    showScan(event.scan_id);
  } else {
    const done = event.stages.filter((stage) => stage.state === "completed").map((stage) => stage.stage);
    say(`In progress: ${event.status}${done.length ? `, done: ${done.join(", ")}` : ""}`);
  }
});
events.onerror = () => say("The connection is lost; trying again…");
showStudies().catch((error) => say(error.message));
showOperatingPoints().catch((error) => say(error.message));
