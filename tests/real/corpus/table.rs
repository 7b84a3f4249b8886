//! `corpus.tsv`: what is known to differ, why, and who is right.

/// One thing about one file that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Failure {
    pub(crate) file: String,
    pub(crate) check: String,
    pub(crate) detail: String,
}

/// One row: it covers all failures of one check over one file.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) file: String,
    pub(crate) check: String,
    /// `ours`, `ffmpeg`, `neither`, or `todo` where the engine is still to learn it.
    pub(crate) who: String,
}

impl Row {
    pub(crate) fn covers(&self, failure: &Failure) -> bool {
        self.file == failure.file && self.check == failure.check
    }
}

pub(crate) fn read() -> Vec<Row> {
    let lines =
        include_str!("../corpus.tsv").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let rows = lines.map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [file, check, who, why] = columns[..] else { panic!("corpus.tsv: four columns, not {line:?}") };
        assert!(["ours", "ffmpeg", "neither", "todo"].contains(&who), "corpus.tsv: who is right? {line:?}");
        assert!(!why.trim().is_empty(), "corpus.tsv: why? {line:?}");
        Row { file: file.to_owned(), check: check.to_owned(), who: who.to_owned() }
    });
    rows.collect()
}
