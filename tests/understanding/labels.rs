//! What does a careful human read in a letter of the corpus? The labels beside it, and the products
//! of the desk that it was written to.

use sealdesk::model::product::OwnProduct;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A project that owns a security@ address.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeskLabels {
    #[allow(dead_code, reason = "shown to people who read the corpus")]
    pub address: String,
    #[serde(rename = "product")]
    pub products: Vec<Product>,
}

/// One of a desk's products.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    pub name: String,
    pub aliases: Vec<String>,
    pub packages: Vec<String>,
    #[allow(dead_code, reason = "shown to people who read the corpus")]
    pub repositories: Vec<String>,
    pub releases: Vec<String>,
}

/// What one letter states.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// Whose letter it is; empty where nothing is known of the desk.
    pub desk: String,
    pub language: String,
    pub style: String,
    pub kind: String,
    /// It states evidence of a vulnerability in one of the desk's products.
    #[allow(
        dead_code,
        reason = "a draft is filed by the desk, and not by a reading"
    )]
    pub files: bool,
    #[serde(default, rename = "fact")]
    pub facts: Vec<Fact>,
}

/// One fact, and the words that it rests on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    pub field: String,
    pub value: String,
    pub quote: String,
    pub how: How,
    /// `text`, `subject` or `attachment:NAME`.
    #[serde(default = "text")]
    pub r#where: String,
    /// Of steps: their last line.
    #[allow(dead_code, reason = "steps are compared by their first line")]
    pub until: Option<String>,
    /// Of a title: others that are as good.
    #[serde(default)]
    pub or: Vec<String>,
    /// Of a product: it is one of the desk's.
    #[allow(dead_code, reason = "the name says it, too")]
    pub ours: Option<bool>,
}

fn text() -> String {
    "text".to_owned()
}

/// How the letter gives a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    Stated,
    Inferred,
    Ambiguous,
}

/// A letter of the corpus with its labels.
#[derive(Debug)]
pub struct LabelledLetter {
    /// `WRITER/NAME`.
    pub name: String,
    pub octets: Vec<u8>,
    pub labels: Labels,
}

/// The letters of one set, and the desks of their writers by `WRITER/DESK`.
#[derive(Debug, Default)]
pub struct Corpus {
    pub letters: Vec<LabelledLetter>,
    pub desks: BTreeMap<String, DeskLabels>,
}

impl Corpus {
    /// Reads `tests/reports/SET`, one folder a writer.
    pub fn read(set: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/reports")
            .join(set);
        let mut corpus = Self::default();
        for writer in files(&folder) {
            let by = writer.file_name().unwrap().to_string_lossy().into_owned();
            for path in files(&writer.join("desks")) {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                corpus.desks.insert(format!("{by}/{name}"), parsed(&path));
            }
            let letters = files(&writer).into_iter();
            for path in letters.filter(|path| path.extension().is_some_and(|e| e == "eml")) {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                corpus.letters.push(LabelledLetter {
                    name: format!("{by}/{name}"),
                    octets: std::fs::read(&path).unwrap(),
                    labels: parsed(&path.with_extension("toml")),
                });
            }
        }
        corpus
    }

    /// What the desk of a letter publishes, as its config would say it.
    pub fn products_of(&self, letter: &LabelledLetter) -> Vec<OwnProduct> {
        let products = self.desk_of(letter).map(|desk| desk.products.iter());
        let own = products.into_iter().flatten().map(|product| OwnProduct {
            name: product.name.clone(),
            aliases: product.aliases.clone(),
            purl: product.packages.first().cloned(),
            releases: product.releases.clone(),
        });
        own.collect()
    }

    /// The desk that a letter was written to, where anything is known of it.
    pub fn desk_of(&self, letter: &LabelledLetter) -> Option<&DeskLabels> {
        let (writer, _) = letter.name.split_once('/')?;
        self.desks.get(&format!("{writer}/{}", letter.labels.desk))
    }
}

impl DeskLabels {
    /// The desk's own name of what a letter calls so.
    pub fn product_called<'a>(&'a self, name: &'a str) -> &'a str {
        let is_called = |product: &&Product| {
            let names = std::iter::once(&product.name).chain(&product.aliases);
            names.into_iter().any(|n| n.eq_ignore_ascii_case(name))
        };
        let known = self.products.iter().find(is_called);
        known.map_or(name, |product| product.name.as_str())
    }
}

/// What lies in a folder, in order; nothing where there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn parsed<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read_to_string(path)
        .unwrap_or_else(|e| panic!("{} can't be read: {e}", path.display()));
    toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
