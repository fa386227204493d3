use std::ffi::OsString;
use std::path::PathBuf;

use norma_imaging::Limits;

use super::ConfinementPolicy;

/// What the child is to do with the upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Read its one study.
    Prepare,
    /// List its studies.
    List,
    /// Write each of its studies alone.
    Split,
    /// Tell whose its studies are and where their images lie.
    Describe,
    /// Write its studies without what identifies their patients.
    Deidentify,
    /// The same, of pictures that a person has looked at for text in their pixels.
    DeidentifyChecked,
    /// Tell where its instances lie and what their headers say.
    Index,
    /// Write the frames of one instance, not compressed.
    Frames,
}

impl Task {
    const ALL: [Self; 8] = [
        Self::Prepare,
        Self::List,
        Self::Split,
        Self::Describe,
        Self::Deidentify,
        Self::DeidentifyChecked,
        Self::Index,
        Self::Frames,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::List => "list",
            Self::Split => "split",
            Self::Describe => "describe",
            Self::Deidentify => "deidentify",
            Self::DeidentifyChecked => "deidentify-checked",
            Self::Index => "index",
            Self::Frames => "frames",
        }
    }
}

/// What the child is told: `--task TASK --upload PATH --out DIR --memory-limit-bytes N --threads N
/// --confinement POLICY --limits JSON`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arguments {
    pub(super) task: Task,
    pub(super) upload: PathBuf,
    pub(super) out: PathBuf,
    pub(super) memory_limit_bytes: u64,
    pub(super) threads: usize,
    pub(super) confinement: ConfinementPolicy,
    pub(super) limits: Limits,
}

impl Arguments {
    pub(super) fn to_list(&self) -> Result<Vec<OsString>, serde_json::Error> {
        Ok(vec![
            "--task".into(),
            self.task.as_str().into(),
            "--upload".into(),
            self.upload.clone().into(),
            "--out".into(),
            self.out.clone().into(),
            "--memory-limit-bytes".into(),
            self.memory_limit_bytes.to_string().into(),
            "--threads".into(),
            self.threads.to_string().into(),
            "--confinement".into(),
            serde_json::to_string(&self.confinement)?.into(),
            "--limits".into(),
            serde_json::to_string(&self.limits)?.into(),
        ])
    }

    pub(super) fn parse(list: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut task = None;
        let mut upload = None;
        let mut out = None;
        let mut memory_limit_bytes = None;
        let mut threads = None;
        let mut confinement = None;
        let mut limits = None;
        let mut list = list.into_iter();
        while let Some(name) = list.next() {
            let value = list
                .next()
                .ok_or_else(|| format!("{} has no value", name.display()))?;
            let text = || {
                value
                    .to_str()
                    .ok_or_else(|| format!("{} is no text", name.display()))
            };
            let number = || {
                text()?
                    .parse::<u64>()
                    .map_err(|error| format!("{}: {error}", name.display()))
            };
            match name.to_str() {
                Some("--task") => {
                    let named = text()?;
                    let known = Task::ALL.into_iter().find(|task| task.as_str() == named);
                    task = Some(known.ok_or_else(|| format!("unknown task {named}"))?);
                }
                Some("--upload") => upload = Some(PathBuf::from(&value)),
                Some("--out") => out = Some(PathBuf::from(&value)),
                Some("--memory-limit-bytes") => memory_limit_bytes = Some(number()?),
                Some("--threads") => threads = Some(number()?),
                Some("--confinement") => {
                    let parsed =
                        serde_json::from_str(text()?).map_err(|error| format!("--confinement: {error}"))?;
                    confinement = Some(parsed);
                }
                Some("--limits") => {
                    let parsed =
                        serde_json::from_str(text()?).map_err(|error| format!("--limits: {error}"))?;
                    limits = Some(parsed);
                }
                _ => return Err(format!("unknown argument {}", name.display())),
            }
        }
        let threads = threads.ok_or("--threads is missing")?;
        Ok(Self {
            task: task.ok_or("--task is missing")?,
            upload: upload.ok_or("--upload is missing")?,
            out: out.ok_or("--out is missing")?,
            memory_limit_bytes: memory_limit_bytes.ok_or("--memory-limit-bytes is missing")?,
            threads: usize::try_from(threads).map_err(|error| format!("--threads: {error}"))?,
            confinement: confinement.ok_or("--confinement is missing")?,
            limits: limits.ok_or("--limits is missing")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_parent_writes_the_child_reads() {
        let arguments = Arguments {
            task: Task::Split,
            upload: "/tmp/an upload.zip".into(),
            out: "/tmp/out".into(),
            memory_limit_bytes: 512 << 20,
            threads: 2,
            confinement: ConfinementPolicy::Require,
            limits: Limits::default(),
        };
        assert_eq!(Arguments::parse(arguments.to_list().unwrap()).unwrap(), arguments);
        for wrong in [
            vec!["--upload"],
            vec!["--verbose", "1"],
            vec!["--threads", "two"],
            vec!["--task", "guess"],
            vec![],
        ] {
            assert!(Arguments::parse(wrong.into_iter().map(OsString::from)).is_err());
        }
    }
}
