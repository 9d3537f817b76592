//! The layers of a configuration, as figment providers: defaults, a file, environment variables, flags.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::document::Document;
use super::errors::{ConfigError, Problem, shown, without_keys};
use super::files;
use super::include;
use super::sources::Files;
use super::{Request, Variable};

/// Every setting with its default. The code has no second default.
pub(super) const DEFAULTS: &str = include_str!("../../config/default.toml");

/// The sandbox's file, so that it runs in any folder.
const SANDBOX: &str = include_str!("../../config/sandbox.toml");

const ENVIRONMENTS: [&str; 3] = ["sandbox", "test", "production"];

/// Variables that begin like this are settings. One underscore less would collide with what Kubernetes sets.
const ENV_PREFIX: &str = "QFPAY__";

/// The variable that sets this key.
pub(super) fn variable(key: &str) -> String {
    format!("{ENV_PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

/// Flags that have a name of their own; every other key is set by `--set KEY=VALUE`.
const FLAGS: [(&str, &str); 4] = [
    ("listen.api", "--listen"),
    ("listen.admin", "--admin-listen"),
    ("log.format", "--log-format"),
    ("log.level", "--log-level"),
];

/// The layers, merged, and their names in order, for people.
pub(super) struct Layers {
    pub figment: Figment,
    pub names: Vec<String>,
    /// What would be safer about the files.
    pub advice: Vec<String>,
}

/// The layers in order, while they are gathered.
struct Gathering<'f> {
    layers: Vec<Layer>,
    advice: Vec<String>,
    files: &'f mut Files,
}

impl Layers {
    /// Reads every layer that the request names; later ones win.
    pub fn gather(request: &Request) -> Result<Self, ConfigError> {
        Self::gather_noting(request, &mut Files::default())
    }

    /// The same. Whatever comes of it, `files` then holds what was read, or should have been.
    pub fn gather_noting(request: &Request, files: &mut Files) -> Result<Self, ConfigError> {
        let mut gathering = Gathering { layers: Vec::new(), advice: Vec::new(), files };
        gathering.layers.push(defaults()?);
        match (&request.environment, &request.file) {
            (Some(_), Some(_)) => {
                let what = "they exclude each other: --env reads a file of the configuration folder, --config its own";
                return Err(Problem::of_file("flags --env and --config", what).into());
            }
            (None, Some(file)) => gathering.add_file(file)?,
            (Some(name), None) => gathering.add_environment(name, "flag --env", &request.config_dir)?,
            (None, None) => {
                gathering.add_environment("sandbox", "neither --env nor --config", &request.config_dir)?;
            }
        }
        let behind_files = gathering.layers.len();
        gathering.add_variables(&request.env);
        gathering.add_flags(&request.overrides);
        gathering.include(behind_files)?;
        let Gathering { layers, advice, .. } = gathering;
        let names = layers.iter().flat_map(|layer| layer.files.clone()).collect();
        Ok(Self { figment: layers.into_iter().fold(Figment::new(), Figment::merge), names, advice })
    }
}

impl Gathering<'_> {
    fn add_environment(&mut self, name: &str, flag: &str, config_dir: &Path) -> Result<(), ConfigError> {
        if !ENVIRONMENTS.contains(&name) {
            let what = format!("{} is no environment; write sandbox, test or production", shown(name));
            return Err(Problem::of_file(flag, &what).into());
        }
        // Below the file: a file that contradicts the flag must not be overruled silently.
        self.layers.push(Layer { files: Vec::new(), ..Layer::of_one("environment", name, flag) });
        let file = config_dir.join(format!("{name}.toml"));
        match name {
            "sandbox" if !file.exists() => {
                // It may be made later.
                self.files.read.insert(file);
                self.layers.push(Layer::from_toml(SANDBOX, "config/sandbox.toml (built in)")?);
            }
            _ => self.add_file(&file)?,
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path) -> Result<(), Problem> {
        let layer = self.read(path, 0)?;
        self.layers.push(layer);
        Ok(())
    }

    /// A file, whose routes are numbered from `first_route` on.
    fn read(&mut self, path: &Path, first_route: usize) -> Result<Layer, Problem> {
        self.files.read.insert(path.to_owned());
        let (layer, advice) = Layer::from_file(path, first_route)?;
        self.advice.extend(advice.map(|advice| Problem::of_file(&layer.name, advice).to_string()));
        Ok(layer)
    }

    /// Reads the files that `include` names, behind the file that has it and below variables and flags.
    fn include(&mut self, at: usize) -> Result<(), ConfigError> {
        let Some(named_by) = self.layers.iter().rev().find(|layer| layer.values.contains_key("include"))
        else {
            return Ok(());
        };
        let folder = named_by.folder.clone().unwrap_or_default();
        let place = named_by.places.get("include").unwrap_or(&named_by.name).clone();
        let patterns = include::patterns(&named_by.values["include"]);
        let found = patterns.and_then(|patterns| include::expand(&patterns, &folder, self.files));
        let paths = found.map_err(|what| Problem::new(&place, "include", &what))?;
        let mut problems = Vec::new();
        let mut routes = self.layers[..at].iter().map(|layer| include::routes(&layer.values)).sum();
        // One layer, since none of them overrules another.
        let mut included = Layer { files: Vec::new(), ..Layer::of(Document::default(), "included files") };
        for path in paths {
            match self.read(&path, routes) {
                Ok(layer) => {
                    routes += include::routes(&layer.values);
                    let before = self.layers[..at].iter().chain([&included]);
                    let before: Vec<_> = before.map(|layer| (&layer.values, &*layer.places)).collect();
                    problems.extend(include::check(&layer.values, &layer.places, &before));
                    included.add(layer);
                }
                // A wrong name is the fault of the setting, wrong content that of the file.
                Err(problem) => problems.push(match include::wrong_name(&path) {
                    Some(what) => Problem::new(&place, "include", &what),
                    None => problem,
                }),
            }
        }
        self.layers.insert(at, included);
        if problems.is_empty() { Ok(()) } else { Err(ConfigError::new(problems)) }
    }

    /// Values stay text: figment's own `Env` turns digits into numbers and loses leading zeros.
    fn add_variables(&mut self, env: &[Variable]) {
        let mut settings: Vec<_> = env.iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)).collect();
        settings.sort_by_key(|(name, _)| name);
        for (name, value) in settings {
            let place = format!("environment variable {name}");
            let path = name[ENV_PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
            self.layers.push(Layer::of_one(&path, value, &place));
        }
    }

    fn add_flags(&mut self, overrides: &[(String, String)]) {
        for (path, value) in overrides {
            let flag = FLAGS.iter().find(|(key, _)| key == path);
            let place = flag.map_or_else(|| format!("flag --set {path}"), |(_, flag)| format!("flag {flag}"));
            self.layers.push(Layer::of_one(path, value, &place));
        }
    }
}

/// The compiled-in defaults, which are parsed once.
pub(super) fn defaults() -> Result<Layer, Problem> {
    static PARSED: LazyLock<Result<Layer, Problem>> = LazyLock::new(|| {
        let mut layer = Layer::from_toml(DEFAULTS, "default")?;
        // A default has no line that its reader could edit.
        let places = layer.places.keys().map(|key| (key.clone(), "default".to_owned()));
        layer.places = Arc::new(places.collect());
        Ok(layer)
    });
    PARSED.clone()
}

/// One source of settings.
#[derive(Clone)]
pub(super) struct Layer {
    name: String,
    values: Dict,
    places: Arc<BTreeMap<String, String>>,
    /// Where a file stands: names in it may be relative to that.
    folder: Option<PathBuf>,
    /// What it was read from, for people; nothing where it follows from another layer.
    files: Vec<String>,
}

impl Layer {
    fn from_toml(text: &str, file: &str) -> Result<Self, Problem> {
        Ok(Self::of(Document::read(text, file)?, file))
    }

    fn of(Document { values, places }: Document, name: &str) -> Self {
        let places = Arc::new(places);
        Self { name: name.to_owned(), values, places, folder: None, files: vec![name.to_owned()] }
    }

    fn from_file(path: &Path, first_route: usize) -> Result<(Self, Option<&'static str>), Problem> {
        let file = path.display().to_string();
        let (text, advice) = files::read_text(path).map_err(|error| {
            let what = match error.kind() {
                io::ErrorKind::NotFound => {
                    let looked = match std::env::current_dir() {
                        Ok(folder) if path.is_relative() => format!(" in {}", folder.display()),
                        _ => String::new(),
                    };
                    format!(
                        "this configuration file does not exist{looked}; create it, or name another with \
                         --config FILE or --config-dir DIR"
                    )
                }
                io::ErrorKind::InvalidData => "this configuration file is not UTF-8 text".to_owned(),
                _ => format!("this configuration file cannot be read: {error}"),
            };
            Problem::of_file(&file, &what)
        })?;
        let mut layer = Self::of(Document::read_with_routes_from(&text, &file, first_route)?, &file);
        layer.folder = path.parent().map(Path::to_owned);
        Ok((layer, advice))
    }

    /// Takes in a further file of the same rank.
    fn add(&mut self, file: Self) {
        include::unite(&mut self.values, file.values);
        Arc::make_mut(&mut self.places).extend(Arc::unwrap_or_clone(file.places));
        self.files.extend(file.files);
    }

    /// A layer of one text value.
    fn of_one(path: &str, value: &str, place: &str) -> Self {
        let wrap = |inner: Value, name: &str| Value::from(Dict::from([(name.to_owned(), inner)]));
        let (last, above) = path.rsplit_once('.').map_or((path, None), |(above, last)| (last, Some(above)));
        let leaf = Dict::from([(last.to_owned(), Value::from(value))]);
        let nested = above.into_iter().flat_map(|above| above.rsplit('.')).fold(Value::from(leaf), wrap);
        let name = without_keys(place);
        let places = Arc::new(BTreeMap::from([(path.to_owned(), name.clone())]));
        let values = nested.into_dict().unwrap_or_default();
        Self { files: vec![name.clone()], name, values, places, folder: None }
    }
}

impl Provider for Layer {
    /// Interpolation, figment's word for "where this key stands in its source", gives the place of a value.
    fn metadata(&self) -> Metadata {
        let places = self.places.clone();
        let name = self.name.clone();
        Metadata::named(self.name.clone())
            .interpolater(move |_, keys| places.get(&keys.join(".")).unwrap_or(&name).clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}
