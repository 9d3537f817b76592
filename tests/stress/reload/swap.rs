//! Kubernetes' update of a mounted Secret or ConfigMap, in every order of its steps: a new folder, the link `..data`, the links
//! that are seen, those that are no longer, the old folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::key;
use crate::support::{FakeUpstream, Launch, SOON, Sidecar, Stage, md5_elsewhere};

/// The steps, in the kubelet's order.
const STEPS: [Step; 5] = [Step::Write, Step::Swap, Step::Show, Step::Hide, Step::Remove];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Write,
    Swap,
    Show,
    Hide,
    Remove,
}

/// Every order of the steps.
fn orders() -> Vec<Vec<Step>> {
    fn further(left: &[Step], done: &[Step], all: &mut Vec<Vec<Step>>) {
        if left.is_empty() {
            all.push(done.to_vec());
        }
        for (i, step) in left.iter().enumerate() {
            let rest: Vec<_> =
                left.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, step)| *step).collect();
            further(&rest, &[done, &[*step]].concat(), all);
        }
    }
    let mut all = Vec::new();
    further(&STEPS, &[], &mut all);
    all
}

/// The mounted folder: one version holds the shop's key, and a merchant of the version's own.
struct Mount<'a>(&'a Path);

impl Mount<'_> {
    fn write(&self, version: usize) {
        let folder = self.0.join(format!("..{version}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("key"), key(version)).unwrap();
        fs::set_permissions(folder.join("key"), fs::Permissions::from_mode(0o600)).unwrap();
        let merchant = format!(
            "[apps.m{version}]\napp_code = \"M{version}\"\nclient_key_file = \"{}/key\"\n",
            self.0.display()
        );
        fs::write(folder.join(format!("m{version}.toml")), merchant).unwrap();
    }

    fn step(&self, step: Step, version: usize) {
        match step {
            Step::Write => self.write(version),
            Step::Swap => {
                symlink(format!("..{version}"), self.0.join("..data_tmp")).unwrap();
                fs::rename(self.0.join("..data_tmp"), self.0.join("..data")).unwrap();
            }
            Step::Show => {
                let name = format!("m{version}.toml");
                symlink(format!("..data/{name}"), self.0.join(name)).unwrap();
            }
            Step::Hide => fs::remove_file(self.0.join(format!("m{}.toml", version - 1))).unwrap(),
            Step::Remove => fs::remove_dir_all(self.0.join(format!("..{}", version - 1))).unwrap(),
        }
    }

    fn lay(&self) {
        fs::create_dir(self.0).unwrap();
        self.step(Step::Write, 0);
        self.step(Step::Swap, 0);
        self.step(Step::Show, 0);
        symlink("..data/key", self.0.join("key")).unwrap();
    }
}

fn start(upstream: &FakeUpstream, mount: &Path, watch: bool) -> Sidecar {
    let config = Stage::config(&format!("http://{}", upstream.address))
        .replace("{folder}/key", &format!("{}/key", mount.display()));
    let config = format!("include = [\"{}/*.toml\"]\nwatch = {watch}\n{config}", mount.display());
    Launch::new(&config.replace("\"trace\"", "\"info\"")).start()
}

/// The version whose key signs a payment that is made now.
fn version(sidecar: &Sidecar, upstream: &FakeUpstream, among: [usize; 2]) -> usize {
    upstream.forget();
    let answer = sidecar.curl(&["-d", "out_trade_no=1"], "/trade/v1/payment");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let request = upstream.requests().remove(0);
    let signed = |version: &usize| {
        request.header("X-QF-SIGN") == Some(&*md5_elsewhere(&request.params(), &key(*version)))
    };
    among.into_iter().find(signed).expect("the old or the new key signed it")
}

/// Plays some of the orders; after each of them the new version is in force, and until then the old one or the new one.
fn play(orders: &[Vec<Step>], watch: bool) {
    let folder = tempfile::tempdir().unwrap();
    let mount = folder.path().join("mount");
    Mount(&mount).lay();
    let upstream = FakeUpstream::start();
    let sidecar = start(&upstream, &mount, watch);
    for (order, now) in orders.iter().zip(1..) {
        for (i, step) in order.iter().enumerate() {
            Mount(&mount).step(*step, now);
            if watch && (now + i) % 5 == 0 {
                // Long enough for a reading in the middle of it.
                thread::sleep(Duration::from_millis(500));
            } else if !watch && i == now % 5 {
                let answer = sidecar.reload();
                assert!(matches!(answer.status, 200 | 422), "{order:?}: {}", answer.text());
            }
            version(&sidecar, &upstream, [now - 1, now]);
        }
        if !watch {
            let answer = sidecar.reload();
            assert_eq!(answer.status, 200, "{order:?}: {}", answer.text());
        }
        let deadline = Instant::now() + SOON;
        let in_force = || {
            let pays = ["-H", &format!("X-QF-APPCODE: M{now}"), "-d", "out_trade_no=2"];
            version(&sidecar, &upstream, [now - 1, now]) == now
                && sidecar.curl(&pays, "/trade/v1/payment").status == 200
        };
        while !in_force() {
            assert!(watch && Instant::now() < deadline, "{order:?} is not in force:\n{}", sidecar.log());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn play_all(watch: bool) {
    let orders = orders();
    assert_eq!(orders.len(), 120);
    thread::scope(|scope| {
        for part in orders.chunks(15) {
            scope.spawn(move || play(part, watch));
        }
    });
}

#[test]
fn a_swap_of_data_is_read_when_somebody_asks() {
    play_all(false);
}

#[test]
fn a_swap_of_data_is_read_by_itself_with_watch() {
    play_all(true);
}

fn watched() -> (FakeUpstream, Sidecar) {
    let upstream = FakeUpstream::start();
    let config = Stage::config(&format!("http://{}", upstream.address)).replace("\"trace\"", "\"info\"");
    let launch = Launch::new(&format!("include = [\"apps.d/*.toml\"]\nwatch = true\n{config}"));
    let sidecar = launch.file("key", key(0), 0o600).file("apps.d/readme.txt", "", 0o600).start();
    // What was written just before the start may be read once more.
    thread::sleep(Duration::from_millis(1500));
    (upstream, sidecar)
}

fn readings(sidecar: &Sidecar) -> usize {
    sidecar.log().matches("the configuration was read again").count()
}

fn wait_for_version(sidecar: &Sidecar, upstream: &FakeUpstream, among: [usize; 2]) {
    let deadline = Instant::now() + SOON;
    while version(sidecar, upstream, among) != among[1] {
        assert!(Instant::now() < deadline, "the new key is not in force:\n{}", sidecar.log());
        thread::sleep(Duration::from_millis(50));
    }
}

/// As editors write: in place, beside it and renamed, with a copy of the old file first.
#[test]
fn whatever_way_a_file_is_written_it_is_read() {
    let (upstream, sidecar) = watched();
    let path = sidecar.folder.path().join("key");
    fs::write(&path, key(1)).unwrap();
    wait_for_version(&sidecar, &upstream, [0, 1]);
    sidecar.write("key", &key(2));
    wait_for_version(&sidecar, &upstream, [1, 2]);
    fs::rename(&path, sidecar.folder.path().join("key~")).unwrap();
    fs::write(&path, key(3)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    wait_for_version(&sidecar, &upstream, [2, 3]);
    // A folder above is renamed, and another takes its place.
    let included = sidecar.folder.path().join("apps.d");
    let merchant = format!("[apps.m]\napp_code = \"M\"\nclient_key_file = \"{}\"\n", path.display());
    let other = sidecar.folder.path().join("other.d");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("m.toml"), merchant).unwrap();
    fs::rename(&included, sidecar.folder.path().join("old.d")).unwrap();
    fs::rename(&other, &included).unwrap();
    sidecar.wait_for_log(&["in force", "apps added m"]);
}

#[test]
fn a_burst_is_one_reading_and_neighbours_are_none() {
    let (upstream, sidecar) = watched();
    let before = readings(&sidecar);
    for i in 0..50 {
        sidecar.write(
            &format!("apps.d/m{i}.toml"),
            &format!(
                "[apps.m{i}]\napp_code = \"M{i}\"\nclient_key_file = \"{}/key\"\n",
                sidecar.folder.path().display()
            ),
        );
        sidecar.write("key", &key(i + 1));
        // In the same folders, and none of the configuration's.
        fs::write(sidecar.folder.path().join("shop.log"), i.to_string()).unwrap();
        fs::write(sidecar.folder.path().join("apps.d/.m.toml.swp"), i.to_string()).unwrap();
    }
    wait_for_version(&sidecar, &upstream, [0, 50]);
    thread::sleep(Duration::from_millis(1500));
    let after = readings(&sidecar);
    assert_eq!(after, before + 1, "{}", sidecar.log());
    for i in 0..20 {
        fs::write(sidecar.folder.path().join("shop.log"), i.to_string()).unwrap();
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(700));
    assert_eq!(readings(&sidecar), after);
}

/// Half of a file may well be valid: a list of merchants that ends after the first.
#[test]
fn half_of_a_file_is_not_read() {
    use std::io::Write;

    let (_upstream, sidecar) = watched();
    let before = readings(&sidecar);
    let mut file = fs::File::create(sidecar.folder.path().join("apps.d/all.toml")).unwrap();
    for i in 0..4 {
        write!(
            file,
            "[apps.m{i}]\napp_code = \"M{i}\"\nclient_key_file = \"{}/key\"\n",
            sidecar.folder.path().display()
        )
        .unwrap();
        thread::sleep(Duration::from_millis(600));
    }
    assert_eq!(readings(&sidecar), before, "{}", sidecar.log());
    drop(file);
    sidecar.wait_for_log(&["in force", "apps added m0 m1 m2 m3"]);
}

#[test]
fn a_broken_file_is_told_once_and_mended_by_the_next_change() {
    let (upstream, sidecar) = watched();
    let before = readings(&sidecar);
    sidecar.write("apps.d/m.toml", "[apps.m\n");
    sidecar.wait_for_log(&["WARN", "nothing was changed", "by=\"watch\"", "m.toml:1"]);
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(readings(&sidecar), before + 1, "{}", sidecar.log());
    assert_eq!(version(&sidecar, &upstream, [0, 1]), 0);
    // What it lacks is a file that only the refused configuration names.
    let missing = sidecar.folder.path().join("m.key");
    sidecar.write(
        "apps.d/m.toml",
        &format!("[apps.m]\napp_code = \"M\"\nclient_key_file = \"{}\"\n", missing.display()),
    );
    sidecar.wait_for_log(&["nothing was changed", "there is no such key file"]);
    sidecar.write("m.key", &key(7));
    sidecar.wait_for_log(&["in force", "apps added m"]);
}
