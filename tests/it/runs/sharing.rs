//! Taking things out of a run file, joining runs, and sharing a list between processes.

use std::fs;
use std::path::Path;

use clap::Parser as _;
use lmd_inspector::headless::{Cli, Subcommands};
use lmd_inspector::images::decode::decode_file;
use lmd_inspector::ood::MaskKind;
use lmd_inspector::runs::file::{self, KeepPictures, MERGE_MEMORY, Shard};
use lmd_inspector::runs::report::{command_line, path_cell};
use lmd_inspector::runs::{BatchChoice, DeviceChoice};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;

use super::support::{
    NUM_ATTEMPTS, NUM_IMAGES, batch, bits, errors, expected, identity, images, lmd, manifest,
    score_args, strs, text, uninterrupted, write,
};

#[test]
fn export_writes_what_it_is_asked_for_and_leaves_the_run_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    write(&path, KeepPictures::Median);
    let before = fs::read(&path).unwrap();
    let table = folder.path().join("scores.csv");
    let pictures = folder.path().join("pictures");
    let page = folder.path().join("report.html");
    let args = [
        "export",
        text(&path),
        "--csv",
        text(&table),
        "--images",
        text(&pictures),
        "--report",
        text(&page),
    ];
    let output = lmd(&args);
    assert!(output.status.success(), "{}", errors(&output));
    assert_eq!(fs::read(&path).unwrap(), before);

    // Names with a newline take two lines each.
    let rows = fs::read_to_string(&table).unwrap();
    assert_eq!(rows.lines().count(), 1 + 2 * NUM_IMAGES * NUM_ATTEMPTS);
    assert_eq!(
        fs::read_dir(&pictures).unwrap().count(),
        2 * NUM_IMAGES + 1,
        "an original and a median attempt each, and the table"
    );
    let median = decode_file(&pictures.join("000002-attempt-1.png")).unwrap();
    assert_eq!((median.native.width, median.native.height), (16, 16));
    let index = fs::read_to_string(pictures.join("images.csv")).unwrap();
    assert!(
        index.contains(",out-of-domain,out-of-domain,0101"),
        "{index}"
    );

    let again = lmd(&args);
    assert_eq!(again.status.code(), Some(2), "nothing is replaced unasked");
    assert_eq!(lmd(&["export", text(&path)]).status.code(), Some(2));
}

#[test]
fn verdicts_are_exported_where_there_are_images_to_judge() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    write(&path, KeepPictures::None);
    let verdicts = folder.path().join("verdicts.csv");
    let output = lmd(&["export", text(&path), "--verdicts", text(&verdicts)]);
    assert!(output.status.success(), "{}", errors(&output));
    // The middle attempt's LPIPS is the score: 1/13 and 1/16 in domain, too few for a threshold at 5 %.
    let expected = format!(
        "path,score,p_value,q_value,verdict\n\"unknown/=odd\n2.png\",{},{},1,\n\"unknown/=odd\n5.png\",{},1,1,\n",
        1.0 / 15.0,
        2.0 / 3.0,
        1.0 / 18.0,
    );
    assert_eq!(fs::read_to_string(&verdicts).unwrap(), expected);

    let without = folder.path().join("without.lmdrun");
    let mut images = images();
    for (image, _) in &mut images {
        image.role = lmd_inspector::ood::Role::InDomain;
    }
    let new = manifest(KeepPictures::None);
    let mut writer = file::create(&without, &new, &images, &[], false).unwrap();
    writer.append(&batch(0), 0.1).unwrap();
    writer.finish().unwrap();
    let none = folder.path().join("none.csv");
    let output = lmd(&["export", text(&without), "--verdicts", text(&none)]);
    assert_eq!(output.status.code(), Some(1));
    let told = errors(&output);
    assert!(
        told.contains("no image of unknown role has a score"),
        "{told}"
    );
    assert!(!none.exists());
}

#[test]
fn the_columns_hold_what_the_table_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    write(&path, KeepPictures::None);
    let (table, columns) = (
        folder.path().join("scores.csv"),
        folder.path().join("scores.parquet"),
    );
    let args = ["export", text(&path), "--csv", text(&table)];
    let output = lmd(&[&args[..], &["--parquet", text(&columns)]].concat());
    assert!(output.status.success(), "{}", errors(&output));

    let reader = SerializedFileReader::new(fs::File::open(&columns).unwrap()).unwrap();
    let metadata = reader.metadata().file_metadata();
    let entry = &metadata.key_value_metadata().unwrap()[0];
    assert_eq!(entry.key, "lmd.manifest");
    let kept: file::Manifest = serde_json::from_str(entry.value.as_ref().unwrap()).unwrap();
    assert_eq!(kept, file::read(&path).unwrap().manifest);
    let names: Vec<&str> = (metadata.schema_descr().columns().iter())
        .map(|column| column.name())
        .collect();
    let header = "path,role,attempt,mse,ssim_distance,lpips";
    assert_eq!(
        names.join(","),
        format!("{header},seconds,image,folder,sha256")
    );

    let mut expected = String::from(header);
    let images = images();
    for row in reader.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let number = |column| row.get_double(column).unwrap();
        let id = row.get_int(7).unwrap() as usize;
        let image = &images[id].0;
        assert_eq!(number(6), 0.25);
        assert_eq!(*row.get_string(8).unwrap(), image.role.name());
        assert_eq!(*row.get_string(9).unwrap(), image.file.hash.to_string());
        let line = format!(
            "\n{},{},{},{},{},{}",
            path_cell(Path::new(row.get_string(0).unwrap())),
            row.get_string(1).unwrap(),
            row.get_int(2).unwrap(),
            number(3),
            number(4),
            number(5)
        );
        expected.push_str(&line);
    }
    assert_eq!(fs::read_to_string(&table).unwrap(), expected + "\n");
    let again = lmd(&["export", text(&path), "--parquet", text(&columns)]);
    assert_eq!(again.status.code(), Some(2), "nothing is replaced unasked");
}

/// A row of `scores.csv` for each line, with `NaN` where the line has `null`.
fn rows_of_lines(lines: &str) -> String {
    let rows = lines.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let value = |id: &str| match &line["measures"][id] {
            serde_json::Value::Null => f64::NAN,
            number => number.as_f64().unwrap(),
        };
        format!(
            "{},{},{},{},{},{}\n",
            path_cell(Path::new(line["path"].as_str().unwrap())),
            line["role"].as_str().unwrap(),
            line["attempt"],
            value("mse"),
            value("ssim"),
            value("lpips"),
        )
    });
    rows.collect()
}

#[test]
fn the_lines_of_json_hold_what_the_table_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    write(&path, KeepPictures::None);
    let (table, lines) = (
        folder.path().join("scores.csv"),
        folder.path().join("scores.jsonl"),
    );
    let args = ["export", text(&path), "--csv", text(&table)];
    let output = lmd(&[&args[..], &["--jsonl", text(&lines)]].concat());
    assert_eq!(errors(&output), "");
    let lines_text = fs::read_to_string(&lines).unwrap();
    let rows = fs::read_to_string(&table).unwrap();
    // Numbers as text: equal text of the shortest form means equal bits.
    let header = "path,role,attempt,mse,ssim_distance,lpips\n";
    assert_eq!(rows, format!("{header}{}", rows_of_lines(&lines_text)));
    assert!(lines_text.contains("\"ssim\":null"), "{lines_text}");
    for line in lines_text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let image = &images()[line["image"].as_u64().unwrap() as usize].0;
        assert_eq!(line["path"].as_str(), image.file.path.to_str());
        assert_eq!(line["folder"].as_str(), image.folder.to_str());
        assert_eq!(line["sha256"], image.file.hash.to_string());
        assert_eq!(line["seconds"], 0.25);
    }
    let again = lmd(&["export", text(&path), "--jsonl", text(&lines)]);
    assert_eq!(again.status.code(), Some(2), "nothing is replaced unasked");
}

#[cfg(unix)]
#[test]
fn lines_of_an_unfinished_run_of_odd_names_keep_the_names_and_say_so() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    let mut images = images();
    for (image, id) in &mut images {
        let mut file = (*image.file).clone();
        let name = [b"a\xFF\"\n", &[b'0' + *id as u8][..]].concat();
        file.path = std::ffi::OsStr::from_bytes(&name).into();
        image.file = file.into();
    }
    let new = manifest(KeepPictures::None);
    let mut writer = file::create(&path, &new, &images, &[], false).unwrap();
    writer.append(&batch(0), 0.1).unwrap();
    writer.finish().unwrap();
    let lines = folder.path().join("scores.jsonl");
    let output = lmd(&["export", text(&path), "--jsonl", text(&lines)]);
    assert!(output.status.success());
    let told = errors(&output);
    assert!(told.contains("12 of 18 attempts are missing"), "{told}");
    let lines = fs::read_to_string(&lines).unwrap();
    assert_eq!(lines.lines().count(), NUM_IMAGES);
    for (number, line) in lines.lines().enumerate() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["path"], format!("a\u{FFFD}FF\"\n{number}"));
    }
}

#[test]
fn the_page_escapes_names_and_fetches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    let mut images = images();
    for (image, id) in &mut images {
        let mut file = (*image.file).clone();
        file.path = format!("<script>alert({id})</script>&\"'.png").into();
        image.file = file.into();
        // Two folders of a role, so that the curve names them.
        image.folder = std::sync::Arc::new(format!("<b>{}", *id % 2).into());
    }
    let new = manifest(KeepPictures::All);
    let mut writer = file::create(&path, &new, &images, &[], false).unwrap();
    writer.append(&batch(0), 0.1).unwrap();
    writer.add_notice("<i>a notice</i>").unwrap();
    writer.finish().unwrap();
    let page = folder.path().join("page.html");
    let output = lmd(&["export", text(&path), "--report", text(&page)]);
    assert!(output.status.success(), "{}", errors(&output));
    let html = fs::read_to_string(&page).unwrap();
    for markup in ["<script", "<b>", "<i>", "http://", "https://", "src=\"/"] {
        let found = html
            .replace("http://www.w3.org/2000/svg", "")
            .contains(markup);
        assert!(!found, "{markup} in the page");
    }
    assert!(html.contains("&lt;script&gt;alert(0)&lt;/script&gt;&amp;&quot;&#39;.png"));
    assert!(html.contains("default-src 'none'"));
    assert_eq!(html.matches("<svg").count(), 2);
    assert_eq!(html.matches("</svg>").count(), 2);
    assert!(html.contains("AUROC"));
    assert!(html.contains("--seed 0"));
    // One original and one attempt of each image.
    assert_eq!(
        html.matches("data:image/png;base64,").count(),
        2 * NUM_IMAGES
    );
}

#[test]
fn the_command_that_repeats_a_run_asks_for_its_settings() {
    let new = manifest(KeepPictures::All);
    let settings = |manifest: &file::Manifest| {
        let line = command_line(manifest);
        let words: Vec<String> = line
            .split(' ')
            .map(|word| word.trim_matches('\'').to_owned())
            .collect();
        let Some(Subcommands::Score(args)) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not a score command: {line}");
        };
        args.scoring.settings().unwrap()
    };
    assert_eq!(settings(&new), new.settings());
    let odd = serde_json::json!({
        "mask": {"file": "m.png"}, "grid": 4, "num_attempts": 3,
        "lift": {"denoise": {"start_timestep": 300}},
        "sampler": {"kind": "ddpm", "num_steps": 7, "eta": 0.25},
        "distance": "ssim", "aggregate": "max", "limit": 9, "seed": 77, "fit": "pad"
    });
    let mut json = serde_json::to_value(&new).unwrap();
    json["settings"] = odd;
    let other: file::Manifest = serde_json::from_value(json).unwrap();
    let mask = other.settings().method.detector.lmd().unwrap().mask.clone();
    assert_eq!(mask, MaskKind::File("m.png".into()));
    assert_eq!(settings(&other), other.settings());
}

#[test]
fn shards_merge_to_what_one_process_scores() {
    let folder = tempfile::tempdir().unwrap();
    let expected = uninterrupted(folder.path());
    let shards: Vec<_> = (1..=3)
        .map(|index| {
            let path = folder.path().join(format!("shard{index}.lmdrun"));
            let mut args = score_args(&path);
            args.extend(["--shard".to_owned(), format!("{index}/3")]);
            let output = lmd(&strs(&args));
            assert!(output.status.success(), "{}", errors(&output));
            assert_eq!(
                file::read(&path).unwrap().manifest.shard,
                Some(Shard { index, count: 3 })
            );
            path
        })
        .collect();
    let merge = |runs: &[&Path], target: &Path| {
        let mut args = vec!["merge"];
        args.extend(runs.iter().map(|path| text(path)));
        args.extend(["--output", text(target)]);
        lmd(&args)
    };
    let whole = folder.path().join("whole.lmdrun");
    // In any order.
    let merged = merge(&[&shards[2], &shards[0], &shards[1]], &whole);
    assert!(merged.status.success(), "{}", errors(&merged));
    assert_eq!(errors(&merged), "");
    let table = folder.path().join("whole.csv");
    lmd(&["export", text(&whole), "--csv", text(&table)]);
    assert_eq!(fs::read_to_string(&table).unwrap(), expected);
    let run = file::read(&whole).unwrap();
    assert!(run.is_finished());
    assert_eq!(run.segments.len(), 3);

    let again = merge(&[&shards[0]], &whole);
    assert_eq!(
        again.status.code(),
        Some(2),
        "a run is not replaced unasked"
    );
    let part = folder.path().join("part.lmdrun");
    let told = errors(&merge(&[&shards[0], &shards[2]], &part));
    assert!(
        told.contains("shards of the list are missing: 2 of 3"),
        "{told}"
    );
    let resumed = lmd(&["score", "--resume", text(&whole)]);
    assert!(errors(&resumed).contains("already"), "{}", errors(&resumed));
}

#[test]
fn runs_of_other_settings_or_contents_are_not_merged() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (
        folder.path().join("first.lmdrun"),
        folder.path().join("second.lmdrun"),
    );
    write(&first, KeepPictures::None);
    let run = || file::read(&first).unwrap();
    let target = folder.path().join("both.lmdrun");

    // A run with itself: everything is there twice and kept once.
    let notes = file::merge(&[run(), run()], &target, false, MERGE_MEMORY).unwrap();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert_eq!(bits(&file::read(&target).unwrap().results), expected());

    // The same weights, read otherwise.
    let mut other = run();
    other.manifest.model.identity = identity("cd");
    let error = file::merge(&[run(), other], &target, true, MERGE_MEMORY).unwrap_err();
    assert!(
        error.to_string().contains("configuration differs"),
        "{error}"
    );
    // An earlier version kept less of the model: that is said.
    let mut other = run();
    other.manifest.model.identity.fingerprint = None;
    let notes = file::merge(&[run(), other], &target, true, MERGE_MEMORY).unwrap();
    assert!(
        notes.iter().any(|note| note.contains("no fingerprint")),
        "{notes:?}"
    );

    let mut other = run();
    let mut settings = other.manifest.settings();
    settings.method.seed = 1;
    settings.execution.batch = BatchChoice::Fixed(3);
    settings.execution.device = DeviceChoice::CPU;
    let mut json = serde_json::to_value(&other.manifest).unwrap();
    json["settings"] = serde_json::to_value(&settings).unwrap();
    other.manifest = serde_json::from_value(json).unwrap();
    let error = file::merge(&[run(), other], &target, true, MERGE_MEMORY).unwrap_err();
    assert!(
        error.to_string().contains("settings differ: seed:"),
        "{error}"
    );

    let mut changed = images();
    let mut file = (*changed[0].0.file).clone();
    file.hash.0[0] ^= 1;
    changed[0].0.file = file.into();
    let new = manifest(KeepPictures::None);
    drop(file::create(&second, &new, &changed, &[], false).unwrap());
    let error = file::merge(
        &[run(), file::read(&second).unwrap()],
        &target,
        true,
        MERGE_MEMORY,
    )
    .unwrap_err();
    assert!(error.to_string().contains("other content"), "{error}");
    assert!(error.to_string().contains("second.lmdrun"), "{error}");
    assert_eq!(
        bits(&file::read(&target).unwrap().results),
        expected(),
        "what was there stays"
    );
}

/// A run's pictures may take more memory than there is: they are joined some images at a time, none left out or blank.
#[test]
fn runs_are_joined_in_parts_with_all_their_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    let target = folder.path().join("joined.lmdrun");
    for keep in [KeepPictures::All, KeepPictures::Median] {
        fs::remove_file(&path).ok();
        write(&path, keep);
        let light = file::read(&path).unwrap().without_attempts();
        assert!(light.results.is_empty() && light.efforts.is_empty());
        // No room at all is one image at a time.
        file::merge(&[light], &target, true, 0).unwrap();
        let (before, after) = (file::read(&path).unwrap(), file::read(&target).unwrap());
        assert_eq!(bits(&after.results), expected());
        let pictures = |run: &file::StoredRun| -> Vec<_> {
            let results = run.results.iter();
            results
                .map(|it| (it.original.clone(), it.inpainted.clone()))
                .collect()
        };
        assert_eq!(pictures(&after), pictures(&before));
        assert_eq!(after.efforts, before.efforts);
    }

    // One that is another run by the time that its attempts are read.
    let light = file::read(&path).unwrap().without_attempts();
    let mut changed = images();
    changed.truncate(2);
    let mut new = manifest(KeepPictures::None);
    new.num_images = 2;
    fs::remove_file(&path).unwrap();
    drop(file::create(&path, &new, &changed, &[], false).unwrap());
    let error = file::merge(&[light], &target, true, MERGE_MEMORY).unwrap_err();
    assert!(error.to_string().contains("changed meanwhile"), "{error}");
}
