"""Trains a recipe in several processes with PyTorch's DistributedDataParallel over gloo.

    torchrun --standalone --nproc-per-node 2 distributed.py dcgan --batch 64 --steps 10 --threads 1

Each process has its part of the batch, from images in memory, and the usual wrapper around each network.
PyTorch has no synchronised batch norm on processors, so that each process normalises by its own part.
Process 0 prints one line of JSON.
"""

import argparse
import json
import time

import torch
import torch.distributed as distributed
from torch.nn.parallel import DistributedDataParallel

import harness
from dcgan import DCGAN
from pix2pix import Pix2Pix

RECIPES = {"dcgan": DCGAN, "pix2pix": Pix2Pix}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("--batch", type=int, required=True, help="examples of all processes together")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(harness.SEED)
    distributed.init_process_group("gloo")
    count = distributed.get_world_size()

    recipe = RECIPES[arguments.recipe]()
    recipe.batch_size = arguments.batch // count
    recipe.picture_count = max(8, 4 * recipe.batch_size)
    for name in ("generator", "discriminator"):
        # A network runs several times between two backward passes, which broadcast buffers do not survive.
        wrapped = DistributedDataParallel(getattr(recipe, name), broadcast_buffers=False)
        setattr(recipe, name, wrapped)
    torch.manual_seed(harness.SEED + distributed.get_rank())
    inputs = harness.make_inputs(recipe)
    source = harness.batches(recipe, inputs)
    for _ in range(arguments.warmup):
        recipe.step(*next(source), *recipe.draws().values())
    distributed.barrier()
    start = time.perf_counter()
    for _ in range(arguments.steps):
        recipe.step(*next(source), *recipe.draws().values())
    distributed.barrier()
    seconds = time.perf_counter() - start
    if distributed.get_rank() == 0:
        print(json.dumps({"examples_per_second": arguments.steps * arguments.batch / seconds}))
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
