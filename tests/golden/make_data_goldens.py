"""Makes the Parquet files of tests/data with pyarrow 26.

    python make_data_goldens.py

data_verl.parquet: three rows as verl writes them, in two row groups, zstd-compressed. data_types.parquet: a row of values
and a row of nulls in columns of many types. The texts are ours.
"""

import datetime
import decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent


def verl_row(i, problem, answer):
    return {
        "data_source": "ours",
        "prompt": [{"role": "user", "content": problem}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": answer},
        "extra_info": {"index": i, "split": "train"},
    }


rows = [verl_row(0, "What is 1 + 1?", "2"), verl_row(1, "Café \u2028 ½?", "\\frac{1}{2}"), verl_row(2, "What is 6?", "6")]
pq.write_table(pa.Table.from_pylist(rows), HERE / "data_verl.parquet", row_group_size=2, compression="zstd")

names = pa.array(["low", "high", "low"]).dictionary_encode()
values = {
    "problem": pa.array(["p", "q"]),
    "answer": pa.array([7, 8], pa.int64()),
    "solution": pa.array(["s", None]),
    "source": names.take(pa.array([1, 0])),
    "level": pa.array([2.5, float("nan")], pa.float64()),
    "big": pa.array([2**63 - 1, None], pa.int64()),
    "unsigned": pa.array([2**64 - 1, None], pa.uint64()),
    "small": pa.array([-3, None], pa.int8()),
    "single": pa.array([0.5, float("inf")], pa.float32()),
    "truth": pa.array([True, None]),
    "bytes": pa.array([b"\xff\x00", None], pa.binary()),
    "large": pa.array(["text", None], pa.large_string()),
    "list": pa.array([[1, None], None], pa.list_(pa.int32())),
    "large_list": pa.array([["a"], None], pa.large_list(pa.string())),
    "fixed": pa.array([[1, 2], None], pa.list_(pa.int16(), 2)),
    "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32())),
    "time": pa.array([datetime.datetime(2026, 1, 2, 3, 4, 5), None], pa.timestamp("us")),
    "decimal": pa.array([decimal.Decimal("1.50"), None], pa.decimal128(5, 2)),
    "nothing": pa.nulls(2),
}
pq.write_table(pa.table(values), HERE / "data_types.parquet", compression="snappy")
