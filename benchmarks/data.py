"""How fast the course's world is drawn, and how much memory a long stream of it takes.

`OMP_NUM_THREADS=1 python benchmarks/data.py` prints JSON: scenes a second of one core's time, with
captions and questions; rows a second as `datasets` rows (PNG); and the process's peak memory after
reading 200,000 scenes, beside what it was after the first thousand.
"""

import argparse
import resource

from harness import stopwatch, where, written

import mvlm.data


def rate(read, count: int) -> float:
    """Items a second of this process's own time, so that a busy machine does not count."""
    with stopwatch() as spent:
        read()
    return round(count / spent.own)


def peak_megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stream", type=int, default=200_000, help="scenes to stream")
    stream_count = parser.parse_args().stream
    scenes = mvlm.data.Scenes("train", 200_000)
    scenes.batch(range(2000))  # the drawings are read and resized once
    result = {
        **where(),
        "scenes a second as tensors": rate(
            lambda: [scenes.batch(range(a, a + 256)) for a in range(2000, 7120, 256)], 5120
        ),
        "scenes a second as rows": rate(lambda: mvlm.data.scenes(count=2000), 2000),
        "synthetic pictures a second": rate(lambda: mvlm.data.pixmo("synthetic", count=1000), 1000),
    }
    stream = iter(mvlm.data.stream_scenes(count=stream_count).select_columns(["image", "caption"]))
    for _ in range(1000):
        next(stream)
    result["peak MB after 1,000 streamed rows"] = peak_megabytes()
    for _ in stream:
        pass
    result[f"peak MB after {stream_count:,} streamed rows"] = peak_megabytes()
    print(written(result))


if __name__ == "__main__":
    main()
