//! The rules that the kernel keeps.

use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, make_bitflags,
};

/// The newest rules that are asked for; an older kernel lays those that it has.
const NEWEST: ABI = ABI::V5;

/// Lays them for this thread and those that it starts. Answers the version of the rules, or why there are none.
pub(super) fn lay(read: &[PathBuf], written: &[PathBuf]) -> Result<i32, String> {
    let status = restrict(read, written).map_err(|error| error.to_string())?;
    match (status.landlock, status.ruleset) {
        (LandlockStatus::NotEnabled, _) => Err("this kernel has it turned off".to_owned()),
        (LandlockStatus::NotImplemented, _) => Err("this kernel does not have it".to_owned()),
        (_, RulesetStatus::NotEnforced) => Err("this kernel lays none of it".to_owned()),
        (LandlockStatus::Available { effective_abi, .. }, _) => Ok(effective_abi as i32),
    }
}

fn restrict(read: &[PathBuf], written: &[PathBuf]) -> Result<RestrictionStatus, RulesetError> {
    let all = AccessFs::from_all(NEWEST);
    let reading: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let writing =
        reading | make_bitflags!(AccessFs::{WriteFile | Truncate | MakeReg | MakeSock | RemoveFile | Refer});
    let mut rules =
        Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(all)?.create()?;
    for (folders, access) in [(read, reading), (written, writing)] {
        for folder in folders {
            // One that went away meanwhile is missed by whoever wants it.
            if let Ok(folder) = PathFd::new(folder) {
                rules = rules.add_rule(PathBeneath::new(folder, access))?;
            }
        }
    }
    rules.restrict_self()
}
