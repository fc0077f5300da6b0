"""What the three recipes share: their arguments, their inputs, and how they are timed.

    RECIPE.py --export DIR             write initial weights and inputs, print the first losses
    RECIPE.py --weights DIR --steps N  repeat the first losses from those, then time N steps
    RECIPE.py --first-sample           draw one batch of 16 from random weights, and end

Every form prints one line of JSON. The first five steps are there to be compared: they take the
pictures in stored order and the recorded draws, without dropout. The timed steps start again from
the initial weights, with dropout, on batches gathered by a random permutation.

`--export` also repeats the first steps in float64. Adam turns the sign of a gradient near zero into a
full step, so the rounding of float32 grows from step to step; how far PyTorch's own float32 strays
from float64 tells how far any correct float32 program may.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import torch

PICTURES = 2048
CHECKED_STEPS = 5
SEED = 20260101


def batches(image, label, size):
    """Endless batches of float pictures in -1...1 and their labels, a new order every epoch."""
    while True:
        order = torch.randperm(len(image))
        for start in range(0, len(image) - size + 1, size):
            index = order[start : start + size]
            yield image[index].float() / 127.5 - 1, label[index]


def make_inputs(recipe):
    """Random pictures, labels and draws: speed does not depend on what the pictures show."""
    inputs = {
        "image": torch.randint(0, 256, (PICTURES, *recipe.image_shape), dtype=torch.uint8),
        "label": torch.randint(0, recipe.classes, (PICTURES,)),
    }
    if recipe.latent_size:
        inputs["latent"] = torch.randn(CHECKED_STEPS, recipe.batch_size, recipe.latent_size)
        inputs["fakeLabel"] = torch.randint(0, recipe.classes, (CHECKED_STEPS, recipe.batch_size))
    return inputs


def load_weights(recipe, folder):
    for name, network in recipe.networks.items():
        network.load_state_dict(torch.load(folder / f"{name}.pth", weights_only=True))


def first_losses(recipe, inputs):
    """The losses of the first steps on fixed batches and draws."""
    losses = []
    for step in range(CHECKED_STEPS):
        chosen = slice(step * recipe.batch_size, (step + 1) * recipe.batch_size)
        image = inputs["image"][chosen].to(torch.get_default_dtype()) / 127.5 - 1
        draws = [inputs[name][step] for name in ("latent", "fakeLabel") if name in inputs]
        draws = [draw.to(image.dtype) if draw.is_floating_point() else draw for draw in draws]
        losses.append(recipe.step(image, inputs["label"][chosen], *draws))
    return losses


def exact_losses(make_recipe, inputs, folder):
    """The losses of the first steps in float64, from the same weights."""
    torch.set_default_dtype(torch.float64)
    try:
        recipe = make_recipe(dropout=0.0)
        load_weights(recipe, folder)
        return first_losses(recipe, inputs)
    finally:
        torch.set_default_dtype(torch.float32)


def draws(recipe):
    if not recipe.latent_size:
        return []
    return [
        torch.randn(recipe.batch_size, recipe.latent_size),
        torch.randint(0, recipe.classes, (recipe.batch_size,)),
    ]


def peak_memory():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main(make_recipe):
    """Runs a recipe; `make_recipe(dropout=…)` builds its networks and optimisers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--export", type=Path, metavar="DIR")
    parser.add_argument("--weights", type=Path, metavar="DIR")
    parser.add_argument("--first-sample", action="store_true")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--warmup", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(SEED)

    if arguments.first_sample:
        print(json.dumps({"sample": list(make_recipe().sample(16).shape)}))
        return

    if arguments.export:
        arguments.export.mkdir(parents=True, exist_ok=True)
        recipe = make_recipe(dropout=0.0)
        for name, network in recipe.networks.items():
            torch.save(network.state_dict(), arguments.export / f"{name}.pth")
        inputs = make_inputs(recipe)
        torch.save(inputs, arguments.export / "inputs.pth")
        exact = exact_losses(make_recipe, inputs, arguments.export)
        print(json.dumps({"losses": first_losses(recipe, inputs), "exact_losses": exact}))
        return

    if not arguments.weights:
        parser.error("one of --export, --weights and --first-sample is needed")
    inputs = torch.load(arguments.weights / "inputs.pth", weights_only=True)
    recipe = make_recipe(dropout=0.0)
    load_weights(recipe, arguments.weights)
    losses = first_losses(recipe, inputs)

    recipe = make_recipe()
    load_weights(recipe, arguments.weights)
    source = batches(inputs["image"], inputs["label"], recipe.batch_size)
    for _ in range(arguments.warmup):
        recipe.step(*next(source), *draws(recipe))
    start = time.perf_counter()
    for _ in range(arguments.steps):
        last = recipe.step(*next(source), *draws(recipe))
    seconds = time.perf_counter() - start
    result = {
        "steps_per_second": arguments.steps / seconds,
        "peak_rss_bytes": peak_memory(),
        "losses": losses,
        "last_losses": last,
    }
    print(json.dumps(result))
