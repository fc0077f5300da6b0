"""Reads a shard with WebDataset as trainings in PyTorch do, and prints images a second as JSON.

    pip install -r Benchmarks/python/requirements-shards.txt
"""

import argparse
import io
import json
import tarfile
import time

import numpy
import torch
import webdataset
from PIL import Image


def prepared(image):
    """Covers 64 x 64 by Lanczos' filter and cuts the middle, as Atelier does."""
    width, height = image.size
    scale = 64 / min(width, height)
    size = max(64, round(width * scale)), max(64, round(height * scale))
    image = image.resize(size, Image.Resampling.LANCZOS)
    left, top = (size[0] - 64) // 2, (size[1] - 64) // 2
    image = image.crop((left, top, left + 64, top + 64))
    return torch.from_numpy(numpy.asarray(image).copy()).permute(2, 0, 1)


def write(folder, count):
    """Two shards of JPEG files with some structure, 341 x 256."""
    draws = numpy.random.default_rng(0)
    for shard in range(2):
        with tarfile.open(f"{folder}/{shard:03}.tar", "w") as tar:
            for number in range(count):
                coarse = draws.integers(0, 256, (9, 12, 3), dtype=numpy.uint8)
                image = Image.fromarray(coarse).resize((341, 256), Image.Resampling.BICUBIC)
                noisy = numpy.asarray(image, numpy.int16) + draws.integers(-12, 13, (256, 341, 3))
                buffer = io.BytesIO()
                Image.fromarray(noisy.clip(0, 255).astype(numpy.uint8)).save(buffer, "JPEG", quality=90)
                for ending, data in (("jpg", buffer.getvalue()), ("cls", str(number % 10).encode())):
                    member = tarfile.TarInfo(f"{shard}-{number:06}.{ending}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shards", help="a pattern of shards, or the folder where they are written")
    parser.add_argument("--write", type=int, help="only write two shards of so many images each")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--warmup", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.write:
        write(arguments.shards, arguments.write)
        return
    torch.set_num_threads(1)
    data = webdataset.WebDataset(
        arguments.shards, shardshuffle=100, nodesplitter=None, resampled=True, empty_check=False)
    data = data.shuffle(4096, initial=512).decode("pilrgb").to_tuple("jpg", "cls")
    data = data.map_tuple(prepared, int).batched(64, partial=False)
    loader = iter(webdataset.WebLoader(data, batch_size=None, num_workers=arguments.workers))
    for _ in range(arguments.warmup):
        next(loader)
    start = time.perf_counter()
    images = sum(len(next(loader)[0]) for _ in range(arguments.steps))
    print(json.dumps({"imagesPerSecond": images / (time.perf_counter() - start)}), flush=True)


if __name__ == "__main__":
    main()
