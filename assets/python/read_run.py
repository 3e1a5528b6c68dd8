"""Read a run file of LMD Inspector: a run is an SQLite database, and reading it needs no more than Python itself.

    python read_run.py RUN                   every attempt as CSV, as `lmd export --csv` writes it with other first columns
    python read_run.py RUN --plot scores.png the median scores of each role as histograms (pandas, matplotlib)

`README.md` beside this file says what is in the tables.
"""

import argparse
import csv
import json
import sqlite3
import struct
import sys
from pathlib import Path

SCHEMA_VERSION = 2


def open_run(path):
    """A connection that can't change the file, and doesn't leave anything beside it."""
    path = Path(path)
    if not path.is_file():
        sys.exit(f"there is no such run file: {path}")
    if Path(f"{path}-wal").exists():
        sys.exit(f"the run is being written, or its program was stopped: open it by `lmd export` or finish it first: {path}")
    run = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    (version,) = run.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA_VERSION:
        sys.exit(f"expected a run file of version {SCHEMA_VERSION}, got {version}: {path}")
    return run


def manifest(run):
    """Model, settings, folders and measures."""
    return json.loads(run.execute("SELECT json FROM manifest").fetchone()[0])


def attempts(run):
    """A dictionary for each attempt: image, role, path, attempt, and a value for each measure (NaN where it has none)."""
    measures = manifest(run)["measures"]
    rows = run.execute(
        """SELECT images.id, role, path, attempt, "values" FROM attempts
           JOIN images ON images.id = attempts.image ORDER BY image, attempt"""
    )
    for image, role, path, attempt, values in rows:
        of_measures = zip(measures, struct.unpack(f"<{len(measures)}d", values))
        yield {"image": image, "role": role, "path": path, "attempt": attempt, **dict(of_measures)}


def picture(run, image, attempt=None):
    """The PNG file of an attempt's picture, or of the prepared original; None where the run keeps none."""
    if attempt is None:
        row = run.execute("SELECT png FROM originals WHERE image = ?", [image]).fetchone()
    else:
        row = run.execute("SELECT png FROM pictures WHERE image = ? AND attempt = ?", [image, attempt]).fetchone()
    return row and row[0]


def plot(run, measure, output):
    """Histograms of each image's median over its attempts, a color for each role."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import pandas as pd

    table = pd.DataFrame(attempts(run))
    scores = table.groupby(["image", "role"])[measure].median().reset_index()
    figure, axes = plt.subplots()
    for role, group in scores.groupby("role"):
        axes.hist(group[measure], bins=40, range=(scores[measure].min(), scores[measure].max()), alpha=0.6, label=role)
    axes.set(xlabel=f"median {measure}", ylabel="images")
    axes.legend()
    figure.savefig(output)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--plot", type=Path, metavar="PNG")
    parser.add_argument("--measure", default="lpips")
    options = parser.parse_args()
    run = open_run(options.run)
    measures = manifest(run)["measures"]
    if options.plot:
        if options.measure not in measures:
            sys.exit(f"the run has no {options.measure}, only {', '.join(measures)}: {options.run}")
        plot(run, options.measure, options.plot)
    else:
        writer = csv.DictWriter(sys.stdout, ["image", "role", "path", "attempt", *measures], lineterminator="\n")
        writer.writeheader()
        writer.writerows(attempts(run))


if __name__ == "__main__":
    main()
