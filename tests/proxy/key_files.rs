//! Who else may read a key file: a mounted Secret and a group's file are taken where that is how the sidecar reads them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::{CLIENT_KEY, FakeUpstream, Launch, Stage, vector};

/// A user and group of the sidecar's own, as in a pod.
const USER: u32 = 65532;

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A file with the key, of this owner, group and mode, in a folder that everyone may look into.
fn key_of(owner: u32, group: u32, mode: u32) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = folder.path().join("client_key");
    write_key(&path, owner, group, mode);
    (folder, path)
}

fn write_key(path: &Path, owner: u32, group: u32, mode: u32) {
    fs::write(path, CLIENT_KEY).unwrap();
    chown(path, Some(owner), Some(group)).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A sidecar of another user than root with this key file.
fn launch(upstream: &FakeUpstream, key: &Path) -> Launch {
    let launch = Launch::new(&Stage::config(&format!("http://{}", upstream.address)));
    launch.set(&format!("apps.shop.client_key_file={}", key.display())).user(USER)
}

fn assert_signs(launch: Launch, upstream: &FakeUpstream) {
    let vector = vector("payment_no_mchid");
    upstream.forget();
    launch.start().curl(&["-d", vector.form.as_deref().unwrap()], "/trade/v1/payment");
    assert_eq!(upstream.requests()[0].header("X-QF-SIGN"), Some(&*vector.sign));
}

#[test]
fn a_group_may_read_the_key_if_the_sidecar_reads_it_so() {
    if !is_root() {
        return; // Only root gives files to other users.
    }
    let upstream = FakeUpstream::start();
    for mode in [0o440, 0o640, 0o040] {
        let (_folder, key) = key_of(0, USER, mode);
        assert_signs(launch(&upstream, &key), &upstream);
    }
}

/// The folder of a Secret under `fsGroup`: two links lead to the file, and everyone may write the links' modes.
#[test]
fn a_secret_is_read_as_kubernetes_mounts_it() {
    if !is_root() {
        return; // Only root gives files to other users.
    }
    let upstream = FakeUpstream::start();
    let mount = tempfile::tempdir().unwrap();
    fs::set_permissions(mount.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let version = mount.path().join("..2026_11_29_18_27_00.1234567890");
    fs::create_dir(&version).unwrap();
    write_key(&version.join("client_key"), 0, USER, 0o440);
    symlink(version.file_name().unwrap(), mount.path().join("..data")).unwrap();
    symlink("..data/client_key", mount.path().join("client_key")).unwrap();
    assert_signs(launch(&upstream, &mount.path().join("client_key")), &upstream);
}

#[test]
fn a_key_that_others_may_read_or_change_is_refused() {
    if !is_root() {
        return; // Only root gives files to other users.
    }
    let upstream = FakeUpstream::start();
    for (owner, group, mode, why) in [
        (0, USER, 0o444, "other users may use this key file (mode 0444)"),
        (0, USER, 0o441, "other users may use this key file (mode 0441)"),
        (0, USER, 0o460, "its group may change this key file (mode 0460)"),
        (USER, USER, 0o440, "which belongs to the sidecar's own user"),
        (USER, 0, 0o440, "which belongs to the sidecar's own user"),
        (USER, 0, 0o660, "its group may change this key file"),
    ] {
        let (_folder, key) = key_of(owner, group, mode);
        let ended = launch(&upstream, &key).ends();
        assert_eq!(ended.code, Some(2), "{mode:o}: {}", ended.stderr);
        assert!(ended.stderr.contains(why) && ended.stderr.contains("chmod 600"), "{}", ended.stderr);
    }
    // Root reads every file, and is of root's group only.
    let (_folder, key) = key_of(USER, USER, 0o440);
    let config = Stage::config(&format!("http://{}", upstream.address));
    let ended = Launch::new(&config).set(&format!("apps.shop.client_key_file={}", key.display())).ends();
    assert!(ended.stderr.contains("group 65532 may read this key file"), "{}", ended.stderr);
}

#[test]
fn a_credential_that_everyone_may_read_is_refused() {
    let launch = Launch::new(&Stage::config("http://127.0.0.1:1")).set("apps.shop.client_key_file=");
    let launch =
        launch.set("apps.shop.client_key_credential=qfpay").env("CREDENTIALS_DIRECTORY", "{folder}/c");
    let ended = launch.file("c/qfpay", CLIENT_KEY, 0o444).ends();
    assert!(ended.stderr.contains("other users may use this key file (mode 0444)"), "{}", ended.stderr);
}

#[test]
fn a_key_with_access_rules_for_further_users_is_refused() {
    if !is_root() {
        return; // Only root gives files to other users.
    }
    let (_folder, key) = key_of(0, USER, 0o440);
    // Version 2, then tag, rights and number of each rule: owner, user 12345, group, mask, others.
    let mut rules = 2u32.to_le_bytes().to_vec();
    for (tag, rights, number) in
        [(1, 4, u32::MAX), (2, 4, 12345), (4, 4, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)]
    {
        rules.extend([u16::to_le_bytes(tag), u16::to_le_bytes(rights)].concat());
        rules.extend(u32::to_le_bytes(number));
    }
    if let Err(error) =
        rustix::fs::setxattr(&key, "system.posix_acl_access", &rules, rustix::fs::XattrFlags::empty())
    {
        eprintln!("SKIPPED: this file system takes no access rules: {error}");
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"));
        return;
    }
    let ended = launch(&FakeUpstream::start(), &key).ends();
    assert!(ended.stderr.contains("access rules (ACL)"), "{}", ended.stderr);
}
