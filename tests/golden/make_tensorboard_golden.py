"""Makes tensorboard.events, the golden of tests/core/tensorboard_test.cpp: an event file by TensorBoard's own writer.

    pip install tensorboard==2.21.0
    python make_tensorboard_golden.py tests/golden/tensorboard.events
"""

import sys

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

TIME = 1700000000.25
# Of one and of two bytes as varints: steps, and lengths of summaries.
ROWS = [
    (1, {"loss": 0.5, "lr": 1e-6, "groups/total": 32}),
    (300, {"loss": -0.125, "eval/hard/unguided/pass@8": 1 / 3, "train_sampler_mismatch/mean": 1e-7,
           "rollouts/total": 1234567, "advantage/mean": 0.0, "time/step_s": 12.75}),
]

with open(sys.argv[1], "wb") as file:
    writer = RecordWriter(file)
    events = [Event(wall_time=TIME, file_version="brain.Event:2")]
    events += [Event(wall_time=TIME + step, step=step,
                     summary=Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in row.items()]))
               for step, row in ROWS]
    for event in events:
        writer.write(event.SerializeToString())
