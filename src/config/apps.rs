//! The `[apps.NAME]` sections: what QFPay issued, and the ring of keys that they form.

use std::sync::Arc;

use super::doubts;
use super::errors::{shown, without_keys};
use super::keys::{self, FoundKey};
use super::pasted;
use super::raw::Raw;
use super::{Environment, Variable};
use crate::credentials::{App, AppCode, BadKeyring, HexCase, Keyring, PreviousKey, SignType};
use crate::settings::Reader;
use crate::upstream::Target;

/// How the shipped files begin an `app_code` that still has to be filled in.
const PLACEHOLDER: &str = "PUT_YOUR";

/// Reads every app and its key. `target` is `None` when it is wrong itself.
pub(super) fn keyring(
    raw: &mut Raw,
    target: Option<&Target>,
    environment: Option<Environment>,
    env: &[Variable],
) -> Option<Arc<Keyring>> {
    let names = raw.app_names();
    let apps: Vec<_> = names.iter().map(|name| app(raw, name, target, environment, env)).collect();
    let default_app = default_app(raw, &names);
    let with_apps = names.iter().zip(&apps);
    let previous: Vec<_> =
        with_apps.map(|(name, app)| previous(raw, name, app.as_ref(), target, environment, env)).collect();
    // Also where another app is wrong, so that all is told at once.
    let is_live = match target {
        Some(Target::Live(url)) => !url.is_loopback(),
        Some(Target::Sandbox) => false,
        None => true,
    };
    pasted::client_keys(raw, apps.iter().flatten(), previous.iter().flatten().flatten(), is_live);
    let apps: Vec<_> = apps.into_iter().collect::<Option<_>>()?;
    refuse_twins(raw, &apps);
    let previous: Option<Vec<_>> = previous.into_iter().collect();
    let ring = Keyring::new(apps, &default_app?).ok()?;
    Some(Arc::new(ring.with_previous(previous?.into_iter().flatten().collect())))
}

fn app(
    raw: &mut Raw,
    name: &str,
    target: Option<&Target>,
    environment: Option<Environment>,
    env: &[Variable],
) -> Option<App> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    let named = (1..=32).contains(&name.len()) && name.bytes().all(legal);
    // It stands in logs and metrics.
    let is_pasted = without_keys(name) != name;
    if is_pasted {
        raw.problem(&format!("apps.{name}"), "the name of this app could be a key; give it another one");
    }
    if !named {
        let what = "the name of an app has 1 to 32 lower-case letters, digits, '_' or '-', \
                    so that variables and metrics can name it";
        raw.problem(&format!("apps.{name}"), what);
    }
    let app_code = app_code(raw, name, target);
    let mchid = raw.app_key(name, "mchid");
    let mchid = raw.text(&mchid).and_then(|text| checked_mchid(raw, &mchid, text));
    let sign_type = raw.app_key(name, "sign_type");
    let sign_type = raw.choice(&sign_type, &SignType::WORDS);
    let hex_case = raw.app_key(name, "hex_case");
    let cases = [("", None), ("upper", Some(HexCase::Upper)), ("lower", Some(HexCase::Lower))];
    let hex_case = raw.choice(&hex_case, &cases);
    let sandbox = target.map(|target| match target {
        Target::Sandbox => true,
        // The `sandbox` command in another process holds the same built-in key.
        Target::Live(url) => url.is_loopback() && environment != Some(Environment::Production),
    });
    let found = keys::read(raw, name, sandbox, env);
    let found = found.filter(|found| fits(raw, name, found, target, environment));
    let (FoundKey { key, source, .. }, sign_type) = (found?, sign_type?);
    (named && !is_pasted).then_some(App {
        name: name.to_owned(),
        app_code: app_code?,
        client_key: key,
        key_source: source,
        mchid: mchid?,
        sign_type,
        hex_case: hex_case?.unwrap_or_else(|| sign_type.usual_case()),
    })
}

/// The key that an app had before, if its settings name one. The outer `None` is a problem.
fn previous(
    raw: &mut Raw,
    name: &str,
    app: Option<&App>,
    target: Option<&Target>,
    environment: Option<Environment>,
    env: &[Variable],
) -> Option<Option<PreviousKey>> {
    let Some(found) = keys::read_previous(raw, name, env)? else { return Some(None) };
    if let (Some(setting), true) = (&found.setting, app.is_some_and(|app| app.client_key.equals(&found.key)))
    {
        let what = "this is the key that the app has now, so that nothing which QFPay signed with the one before it passes; \
                    name that one, or take this out";
        raw.advise(setting, what);
    }
    let fits = fits(raw, name, &found, target, environment);
    fits.then(|| Some(PreviousKey { app: name.to_owned(), client_key: found.key, key_source: found.source }))
}

/// Errors never repeat the value: it is the setting that a key is pasted into by mistake.
fn app_code(raw: &mut Raw, app: &str, target: Option<&Target>) -> Option<AppCode> {
    let own = format!("apps.{app}.app_code");
    let setting = raw.app_key(app, "app_code");
    let text = raw.text(&setting)?;
    let problem = match AppCode::new(&text) {
        Ok(_) if text.starts_with(PLACEHOLDER) => {
            "this is still the placeholder of the shipped file; write the app_code that QFPay issued"
                .to_owned()
        }
        Ok(code) => {
            if matches!(target, Some(Target::Live(_))) {
                doubts::app_code(raw, &setting, &text);
            }
            return Some(code);
        }
        Err(_) if text.is_empty() => "the app has no app_code; write the one that QFPay issued".to_owned(),
        Err(bad) => bad.to_string(),
    };
    raw.problem(if text.is_empty() { &own } else { &setting }, problem);
    None
}

fn checked_mchid(raw: &mut Raw, setting: &str, text: String) -> Option<Option<String>> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if text.len() > 64 || !text.bytes().all(legal) {
        raw.problem(
            setting,
            "an mchid has up to 64 letters, digits, '_' or '-'; leave it empty if there is none",
        );
        return None;
    }
    Some((!text.is_empty()).then_some(text))
}

/// Sandbox keys are for the sandbox, issued keys for QFPay: a mix-up is a wrong deployment.
fn fits(
    raw: &mut Raw,
    app: &str,
    found: &FoundKey,
    target: Option<&Target>,
    environment: Option<Environment>,
) -> bool {
    let own = format!("apps.{app}.client_key_file");
    let setting = found.setting.as_deref().unwrap_or(&own);
    let for_sandbox = found.key.is_for_sandbox();
    let base_url = raw.place("upstream.base_url");
    let what = match target {
        Some(Target::Sandbox) if !for_sandbox => format!(
            "upstream.base_url ({base_url}) is the sandbox, which takes only keys that begin with SANDBOX; \
             leave out the key source to use the built-in one, or set upstream.base_url to a host of QFPay's"
        ),
        Some(Target::Live(url)) if for_sandbox && !url.is_loopback() => format!(
            "{} holds a sandbox key, but upstream.base_url ({base_url}) is {url}, and everybody knows sandbox keys; \
             name the source of the key that QFPay issued",
            found.source
        ),
        _ if for_sandbox && environment == Some(Environment::Production) => format!(
            "{} holds a sandbox key, but environment is production; name the source of the key that QFPay issued",
            found.source
        ),
        _ => return true,
    };
    raw.problem(setting, what);
    false
}

fn default_app(raw: &mut Raw, names: &[String]) -> Option<String> {
    let wanted = raw.text("default_app")?;
    let listed = names.join(", ");
    if names.is_empty() && raw.settings.keys().any(|key| key.starts_with("apps.")) {
        // What was meant as one was reported as unknown.
        return None;
    }
    let (key, what) = match Keyring::default_among(names.iter().map(String::as_str), &wanted) {
        Err(BadKeyring::NoApps) => {
            let what = "no app is configured; add a section [apps.shop] with app_code and client_key_file";
            ("apps", what.to_owned())
        }
        Err(BadKeyring::NoDefault) => {
            ("default_app", format!("there are several apps ({listed}); name the one that signs by default"))
        }
        Err(_) => ("default_app", format!("{} is no app; the apps are: {listed}", shown(&wanted))),
        Ok(_) => return Some(wanted),
    };
    raw.problem(key, what);
    None
}

fn refuse_twins(raw: &mut Raw, apps: &[App]) {
    for (twin, app) in Keyring::twins(apps) {
        let [twin_key, key] = [&twin.name, &app.name].map(|name| raw.app_key(name, "app_code"));
        let place = raw.place(&twin_key);
        let what = format!(
            "apps.{} ({place}) has the same app_code; with two apps of one code, which key signs would be chance",
            twin.name
        );
        raw.problem(&key, what);
    }
}
