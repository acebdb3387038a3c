"""dlt's `sql_database` source over contacts, run in the environment for comparisons.

    python dlt_reads.py DATABASE BACKEND {iterate,extract}

`iterate` takes the records (or Arrow tables) as Python objects and drops them; with `extract` dlt writes them to
the files that its next steps read. The first record, and the number of all, are reported on the standard output.
"""

import sys
import tempfile

import dlt
from dlt.sources.sql_database import sql_table


def main(database: str, backend: str, way: str) -> None:
    """Read the contacts."""
    options = {"backend_kwargs": {"tz": "UTC"}} if backend == "pyarrow" else {}
    contacts = sql_table(credentials=f"sqlite:///{database}", table="F_CONTACTT", backend=backend, **options)
    if way == "iterate":
        count = 0
        for item in contacts:
            if not count:
                sys.stdout.write("first\n")
                sys.stdout.flush()
            count += 1 if isinstance(item, dict) else len(item)
    else:
        with tempfile.TemporaryDirectory() as folder:
            pipeline = dlt.pipeline("benchmark", destination="filesystem", dataset_name="sage", pipelines_dir=folder)
            pipeline.extract(contacts, write_disposition="replace")
            count = pipeline.last_trace.last_extract_info.metrics.popitem()[1][0]["table_metrics"][
                "f_contactt"
            ].items_count
    sys.stdout.write(f"records {count}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
