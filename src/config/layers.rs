//! The layers of a configuration, as figment providers: defaults, a file, environment variables, flags.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::document::Document;
use super::errors::{ConfigError, Problem, shown, without_keys};
use super::files;
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

impl Layers {
    /// Reads every layer that the request names; later ones win.
    pub fn gather(request: &Request) -> Result<Self, ConfigError> {
        let mut layers = Self { figment: Figment::new(), names: Vec::new(), advice: Vec::new() };
        layers.add(defaults()?);
        match (&request.environment, &request.file) {
            (Some(_), Some(_)) => {
                let what = "they exclude each other: --env reads a file of the configuration folder, --config its own";
                return Err(Problem::of_file("flags --env and --config", what).into());
            }
            (None, Some(file)) => layers.add_file(file)?,
            (Some(name), None) => layers.add_environment(name, "flag --env", &request.config_dir)?,
            (None, None) => {
                layers.add_environment("sandbox", "neither --env nor --config", &request.config_dir)?;
            }
        }
        layers.add_variables(&request.env);
        layers.add_flags(&request.overrides);
        Ok(layers)
    }

    fn add(&mut self, layer: Layer) {
        self.names.push(layer.name.clone());
        self.merge(layer);
    }

    fn merge(&mut self, layer: Layer) {
        self.figment = std::mem::take(&mut self.figment).merge(layer);
    }

    fn add_environment(&mut self, name: &str, flag: &str, config_dir: &Path) -> Result<(), ConfigError> {
        if !ENVIRONMENTS.contains(&name) {
            let what = format!("{} is no environment; write sandbox, test or production", shown(name));
            return Err(Problem::of_file(flag, &what).into());
        }
        // Below the file: a file that contradicts the flag must not be overruled silently.
        self.merge(Layer::of_one("environment", name, flag));
        let file = config_dir.join(format!("{name}.toml"));
        match name {
            "sandbox" if !file.exists() => {
                self.add(Layer::from_toml(SANDBOX, "config/sandbox.toml (built in)")?);
            }
            _ => self.add_file(&file)?,
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path) -> Result<(), Problem> {
        let (layer, advice) = Layer::from_file(path)?;
        self.advice.extend(advice.map(|advice| Problem::of_file(&layer.name, advice).to_string()));
        self.add(layer);
        Ok(())
    }

    /// Values stay text: figment's own `Env` turns digits into numbers and loses leading zeros.
    fn add_variables(&mut self, env: &[Variable]) {
        let mut settings: Vec<_> = env.iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)).collect();
        settings.sort_by_key(|(name, _)| name);
        for (name, value) in settings {
            let place = format!("environment variable {name}");
            let path = name[ENV_PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
            self.add(Layer::of_one(&path, value, &place));
        }
    }

    fn add_flags(&mut self, overrides: &[(String, String)]) {
        for (path, value) in overrides {
            let flag = FLAGS.iter().find(|(key, _)| key == path);
            let place = flag.map_or_else(|| format!("flag --set {path}"), |(_, flag)| format!("flag {flag}"));
            self.add(Layer::of_one(path, value, &place));
        }
    }
}

/// The compiled-in defaults.
pub(super) fn defaults() -> Result<Layer, Problem> {
    let mut layer = Layer::from_toml(DEFAULTS, "default")?;
    // A default has no line that its reader could edit.
    layer.places = Arc::new(layer.places.keys().map(|key| (key.clone(), "default".to_owned())).collect());
    Ok(layer)
}

/// One source of settings.
pub(super) struct Layer {
    name: String,
    values: Dict,
    places: Arc<BTreeMap<String, String>>,
}

impl Layer {
    fn from_toml(text: &str, file: &str) -> Result<Self, Problem> {
        let Document { values, places } = Document::read(text, file)?;
        Ok(Self { name: file.to_owned(), values, places: Arc::new(places) })
    }

    fn from_file(path: &Path) -> Result<(Self, Option<&'static str>), Problem> {
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
        Ok((Self::from_toml(&text, &file)?, advice))
    }

    /// A layer of one text value.
    fn of_one(path: &str, value: &str, place: &str) -> Self {
        let wrap = |inner: Value, name: &str| Value::from(Dict::from([(name.to_owned(), inner)]));
        let (last, above) = path.rsplit_once('.').map_or((path, None), |(above, last)| (last, Some(above)));
        let leaf = Dict::from([(last.to_owned(), Value::from(value))]);
        let nested = above.into_iter().flat_map(|above| above.rsplit('.')).fold(Value::from(leaf), wrap);
        let name = without_keys(place);
        let places = Arc::new(BTreeMap::from([(path.to_owned(), name.clone())]));
        Self { name, values: nested.into_dict().unwrap_or_default(), places }
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
