//! Which part of the images a process scores, when several share one list.

use crate::runs::file::Shard;

/// `I/N`, or `auto`: from the variables of a Slurm array, a Kubernetes indexed job or GNU parallel, or from
/// `LMD_SHARD_INDEX`, which any other scheduler can set.
pub fn parse(text: &str) -> Result<Shard, String> {
    if text == "auto" {
        from_variables(|name| std::env::var(name).ok())
    } else {
        text.parse()
    }
}

fn from_variables(value: impl Fn(&str) -> Option<String>) -> Result<Shard, String> {
    let number = |name: &str| -> Result<Option<usize>, String> {
        value(name)
            .map(|text| {
                text.parse().map_err(|error: std::num::ParseIntError| {
                    format!("{name} should be a number, but is `{text}`: {error}")
                })
            })
            .transpose()
    };
    let needed = |name: &str| {
        number(name)?
            .ok_or_else(|| format!("{name} is not set, so the number of shards is not known"))
    };
    let (index, count) = if let Some(index) = number("LMD_SHARD_INDEX")? {
        (index.saturating_add(1), needed("LMD_SHARD_COUNT")?)
    } else if let Some(id) = number("SLURM_ARRAY_TASK_ID")? {
        let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
        let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
        (
            id.saturating_sub(first) / step + 1,
            needed("SLURM_ARRAY_TASK_COUNT")?,
        )
    } else if let Some(index) = number("JOB_COMPLETION_INDEX")? {
        // Kubernetes does not tell a pod how many there are.
        (index.saturating_add(1), needed("LMD_SHARD_COUNT")?)
    } else if let Some(number) = number("PARALLEL_SEQ")? {
        // Nor does GNU parallel, and it counts from 1.
        (number, needed("LMD_SHARD_COUNT")?)
    } else {
        return Err(
            "`auto` needs the variables of a Slurm array (SLURM_ARRAY_TASK_ID), a Kubernetes indexed job \
             (JOB_COMPLETION_INDEX) or GNU parallel (PARALLEL_SEQ), or LMD_SHARD_INDEX from 0 on with LMD_SHARD_COUNT; none \
             is set"
                .to_owned(),
        );
    };
    format!("{index}/{count}").parse().map_err(|error: String| {
        format!(
            "task {index} of {count} is no shard, since the numbers of tasks must follow each other: {error}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(variables: &[(&str, &str)]) -> Result<(usize, usize), String> {
        from_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
        .map(|shard| (shard.index, shard.count))
    }

    #[test]
    fn schedulers_are_told_apart() {
        let slurm = |id, min, step, count| {
            shard(&[
                ("SLURM_ARRAY_TASK_ID", id),
                ("SLURM_ARRAY_TASK_MIN", min),
                ("SLURM_ARRAY_TASK_STEP", step),
                ("SLURM_ARRAY_TASK_COUNT", count),
            ])
        };
        assert_eq!(slurm("0", "0", "1", "8"), Ok((1, 8)));
        assert_eq!(slurm("8", "1", "1", "8"), Ok((8, 8)));
        assert_eq!(slurm("14", "10", "2", "3"), Ok((3, 3)));
        assert!(
            slurm("7", "1", "1", "3")
                .unwrap_err()
                .contains("follow each other")
        );
        let kubernetes = [("JOB_COMPLETION_INDEX", "3"), ("LMD_SHARD_COUNT", "4")];
        assert_eq!(shard(&kubernetes), Ok((4, 4)));
        assert!(
            shard(&kubernetes[..1])
                .unwrap_err()
                .contains("LMD_SHARD_COUNT")
        );
        let parallel = [("PARALLEL_SEQ", "4"), ("LMD_SHARD_COUNT", "4")];
        assert_eq!(shard(&parallel), Ok((4, 4)));
        // What a person sets is meant, also inside of another scheduler's job.
        let own = [("LMD_SHARD_INDEX", "0"), ("LMD_SHARD_COUNT", "2")];
        assert_eq!(shard(&[&own[..], &kubernetes].concat()), Ok((1, 2)));
        assert!(shard(&[]).unwrap_err().contains("none is set"));
        assert!(
            shard(&[("JOB_COMPLETION_INDEX", "x")])
                .unwrap_err()
                .contains("`x`")
        );
    }
}
